import { z } from 'zod';
import { DAYS, MONTHS, type ScheduledWorkflow } from '../model/schedule.ts';
import { section } from './section.ts';
import { cron, duration, name, timezone } from './values.ts';

/** The workflows that a schedule can run. */
export const WORKFLOWS = [
  'backup',
  'prune',
  'verify',
  'drill',
  'watchdog',
  'replicate',
  'fleetBackup',
] as const satisfies readonly ScheduledWorkflow[];

/** A number, a name, a range, or a list of those; as Temporal's calendars take them. */
const calendarField = (min: number, max: number, names: readonly string[] = []) => {
  const accepted =
    `must be a number from ${min} to ${max}${names.length ? ` or a name such as ${names[1]}` : ''}, ` +
    'a range { start, end, step }, or a list of those';
  const number = z.number({ error: accepted }).int(accepted).min(min, accepted).max(max, accepted);
  const value = names.length === 0 ? number : number.or(z.enum(names));
  const range = section({ start: number, end: number.optional(), step: z.number().int().min(1).optional() });
  return z.union([value, range, z.array(value.or(range)).min(1)], { error: accepted }).optional();
};

const calendarSchema = section({
  second: calendarField(0, 59).meta({ description: 'Default: 0.' }),
  minute: calendarField(0, 59).meta({ description: 'Default: 0.' }),
  hour: calendarField(0, 23).meta({ description: 'Default: 0.' }),
  dayOfMonth: calendarField(1, 31).meta({ description: 'Default: every day.' }),
  month: calendarField(1, 12, MONTHS).meta({ description: 'Default: every month.' }),
  dayOfWeek: calendarField(0, 6, DAYS).meta({ description: 'Default: every day; 0 is Sunday.' }),
  year: calendarField(2000, 2100).meta({ description: 'Default: every year.' }),
});
export type CalendarInput = z.infer<typeof calendarSchema>;

/** One entry of `schedules`. */
export const scheduleSchema = section({
  workflow: z
    .enum(WORKFLOWS, { error: `must be one of ${WORKFLOWS.join(', ')}` })
    .optional()
    .meta({
      description: 'What is run. Default: the schedule’s name, where that is the name of a workflow.',
    }),
  input: z
    .record(z.string(), z.json())
    .default({})
    .meta({ description: 'The workflow’s input. Never put a secret here.' }),
  cron: z
    .union([cron, z.array(cron).min(1)])
    .optional()
    .meta({
      description:
        'Minute, hour, day of month, month, day of week; both days have to match. One or a list of them.',
    }),
  calendar: z
    .union([calendarSchema, z.array(calendarSchema).min(1)])
    .optional()
    .meta({ description: 'Instead of cron: times by the fields of a calendar.' }),
  every: duration({ min: '1s', max: '366d' })
    .optional()
    .meta({ description: 'Instead of cron: a fixed interval.' }),
  timezone: timezone.optional().meta({ description: 'Time zone of cron and calendar. Default: UTC.' }),
  jitter: duration({ min: '0s', max: '1d' })
    .optional()
    .meta({ description: 'Start up to this much later, by chance. Default: none.' }),
  overlap: z
    .enum(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'], {
      error: 'must be one of skip, bufferOne, bufferAll, cancelOther, allowAll',
    })
    .default('skip')
    .meta({ description: 'What happens when the previous run is not over.' }),
  catchupWindow: duration({ min: '10s', max: '366d' }).optional().meta({
    description:
      'How long ago a missed start may be to be caught up. Default: the longest gap between two starts, so that it is caught up once.',
  }),
  paused: z.boolean({ error: 'must be true or false' }).default(false),
  enabled: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .meta({ description: 'false removes the schedule; the way to do without the default watchdog.' }),
});
export type ScheduleInput = z.infer<typeof scheduleSchema>;

/** `schedules`. */
export const schedulesSchema = z.record(name, scheduleSchema, {
  error: 'must be a map from a name to a schedule',
});
