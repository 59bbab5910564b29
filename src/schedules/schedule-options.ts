import { createHash } from 'node:crypto';
import type { CalendarSpec, ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { scheduledRunId } from '../model/names.ts';
import type { Calendar, CalendarField, DeclaredSchedule } from '../model/schedule.ts';

/** Whose schedules these are: one installation of Lifeboat is one task queue in one namespace. */
export interface ScheduleOwner {
  taskQueue: string;
}

/** What Lifeboat writes on a schedule of its own. Temporal keeps it from the schedule's creation on. */
export interface OwnerMemo {
  owner: string;
}

/** What Lifeboat writes on each action: what the schedule was made from, and whether that was paused. */
export interface DeclarationMemo {
  hash: string;
  paused: boolean;
}

/** The memo's key for both. */
export const MEMO = 'lifeboat';

/** The id of a declared schedule: `lifeboat/nightly`. */
export const scheduleId = (owner: ScheduleOwner, name: string): string => `${owner.taskQueue}/${name}`;

const OVERLAP: Record<DeclaredSchedule['overlap'], ScheduleOverlapPolicy> = {
  skip: 'SKIP',
  bufferOne: 'BUFFER_ONE',
  bufferAll: 'BUFFER_ALL',
  cancelOther: 'CANCEL_OTHER',
  allowAll: 'ALLOW_ALL',
};

/** The hash of everything that a schedule is made from, except whether it is paused. */
export function declarationHash(schedule: DeclaredSchedule, owner: ScheduleOwner): string {
  const { paused: _, ...declared } = schedule;
  return createHash('sha256')
    .update(sortedJson({ ...declared, owner }))
    .digest('hex')
    .slice(0, 16);
}

const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );

/** A declared schedule → what Temporal's client takes to create it. */
export function scheduleOptions(schedule: DeclaredSchedule, owner: ScheduleOwner): ScheduleOptions {
  const declaration: DeclarationMemo = { hash: declarationHash(schedule, owner), paused: schedule.paused };
  return {
    scheduleId: scheduleId(owner, schedule.name),
    spec: {
      ...(schedule.cron && { cronExpressions: schedule.cron }),
      ...(schedule.calendar && { calendars: schedule.calendar.map(calendarSpec) }),
      ...(schedule.every !== undefined && { intervals: [{ every: schedule.every }] }),
      timezone: schedule.timezone,
      ...(schedule.jitter > 0 && { jitter: schedule.jitter }),
    },
    action: {
      type: 'startWorkflow',
      workflowType: schedule.workflow,
      workflowId: scheduledRunId(schedule.workflow, schedule.name, owner.taskQueue),
      taskQueue: owner.taskQueue,
      args: [schedule.input],
      memo: { [MEMO]: declaration },
      staticSummary: `${schedule.workflow} by the schedule ${schedule.name}`,
    },
    policies: {
      overlap: OVERLAP[schedule.overlap],
      catchupWindow: Math.max(10_000, schedule.catchupWindow),
      pauseOnFailure: false,
    },
    state: { paused: schedule.paused, note: NOTE },
    memo: { [MEMO]: { owner: owner.taskQueue } satisfies OwnerMemo },
  };
}

/** The note on a schedule that nobody paused. */
export const NOTE =
  'Declared in lifeboat.yaml: changes made here are taken back by `lifeboat schedules apply`.';

function calendarSpec(calendar: Calendar): CalendarSpec {
  const fields = Object.entries(calendar).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([key, value]) => [key, fieldSpec(value as CalendarField)]));
}

function fieldSpec(field: CalendarField): unknown {
  if (Array.isArray(field)) return field.map(fieldSpec);
  if (typeof field !== 'object') return field;
  const { start, end = start, step = 1 } = field;
  return { start, end, step };
}
