import { ScheduleNotFoundError } from '@temporalio/client';
import type { Command } from 'commander';
import { LifeboatError } from '../../model/failures.ts';
import { applySchedules, existingSchedules } from '../../schedules/apply-schedules.ts';
import { scheduleId } from '../../schedules/schedule-options.ts';
import { planSchedules, type ScheduleChange } from '../../schedules/schedule-plan.ts';
import { type Context, runs } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { table } from '../terminal.ts';

/** `schedules list|apply|trigger|pause|resume`. */
export function addScheduleCommands(program: Command): void {
  const schedules = program
    .command('schedules')
    .description('what runs by itself, as declared in lifeboat.yaml');

  runs(
    schedules.command('list', { isDefault: true }).description('list the schedules and their next runs'),
    list,
  );

  const apply = schedules
    .command('apply')
    .description('bring the server’s schedules to what is declared; those of others are not touched')
    .option('--dry-run', 'say what would change, and change nothing');
  runs(apply, async (context, options: { dryRun?: boolean }) => {
    const config = await context.session.config();
    const { client, taskQueue } = await context.session.temporal();
    const changes = await applySchedules(client.schedule, config.schedules, { taskQueue }, options);
    context.terminal.result({ dryRun: options.dryRun === true, changes: changes.map(shown) }, () =>
      changesText(changes),
    );
    return changes.some(({ change }) => change === 'conflict') ? EXIT.failed : EXIT.ok;
  });

  // Without a policy the server would let a triggered run overlap the one that is under way.
  one(schedules, 'trigger', 'run a schedule now, unless its last run is not over', (handle) =>
    handle.trigger('SKIP'),
  );
  one(schedules, 'pause', 'pause a schedule until it is resumed', (handle, note) => handle.pause(note));
  one(schedules, 'resume', 'let a paused schedule go on', (handle, note) => handle.unpause(note));
}

type Handle = ReturnType<import('@temporalio/client').ScheduleClient['getHandle']>;

function one(
  schedules: Command,
  verb: string,
  description: string,
  act: (handle: Handle, note: string) => Promise<void>,
): void {
  const command = schedules
    .command(verb)
    .argument('<name>', 'the name in lifeboat.yaml')
    .description(description)
    .option('--note <text>', 'why, for whoever looks later', `lifeboat schedules ${verb}`);
  runs(command, async ({ session, terminal }, options: { note: string }, name: string) => {
    const { client, taskQueue } = await session.temporal();
    const id = name.startsWith(`${taskQueue}/`) ? name : scheduleId({ taskQueue }, name);
    try {
      await act(client.schedule.getHandle(id), options.note);
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      throw new LifeboatError(
        'InvalidInput',
        `There is no schedule "${id}" on the server: see \`lifeboat schedules list\`, and create declared ones with \`lifeboat schedules apply\`.`,
        { cause: error },
      );
    }
    terminal.result({ schedule: id, done: verb }, () => `${id}: ${verb} done.`);
    return EXIT.ok;
  });
}

interface ListedSchedule {
  id: string;
  workflow: string;
  paused: boolean;
  note: string | null;
  last: { at: string; workflowId: string } | null;
  next: string | null;
  skipped: number;
  missed: number;
}

async function list({ session, terminal }: Context): Promise<0> {
  const config = await session.config();
  const { client, taskQueue } = await session.temporal();
  const owner = { taskQueue };
  const existing = await existingSchedules(client.schedule, config.schedules, owner);
  const plan = planSchedules(config.schedules, existing, owner).filter(
    ({ change }) => change !== 'unchanged',
  );
  const listed = await Promise.all(
    existing
      .filter((found) => found.owner === taskQueue)
      .map(({ id }) => describeOne(client.schedule.getHandle(id))),
  );
  terminal.result({ schedules: listed, differences: plan.map(shown) }, () => {
    const rows = listed.map((found) => [
      found.id,
      found.workflow,
      found.paused ? 'paused' : (found.next ?? '-'),
      found.last?.at ?? '-',
      found.skipped,
      found.missed,
    ]);
    const head = ['SCHEDULE', 'WORKFLOW', 'NEXT', 'LAST', 'SKIPPED', 'MISSED'];
    const text = listed.length === 0 ? 'No schedule of Lifeboat’s is on the server.' : table(head, rows);
    return plan.length === 0
      ? text
      : `${text}\n\nThe file says otherwise; carry it out with \`lifeboat schedules apply\`:\n${changesText(plan)}`;
  });
  return EXIT.ok;
}

async function describeOne(handle: Handle): Promise<ListedSchedule> {
  const { scheduleId: id, action, state, info } = await handle.describe();
  const last = info.recentActions.at(-1);
  return {
    id,
    workflow: action.workflowType,
    paused: state.paused,
    note: state.note ?? null,
    last: last ? { at: last.takenAt.toISOString(), workflowId: last.action.workflow.workflowId } : null,
    next: info.nextActionTimes[0]?.toISOString() ?? null,
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
  };
}

const shown = ({ change, id, reasons }: ScheduleChange) => ({ change, id, reasons });

const SIGNS = { create: '+', update: '~', remove: '-', unchanged: '=', conflict: '!' };

const changesText = (changes: ScheduleChange[]): string =>
  changes
    .map(({ change, id, reasons }) =>
      `${SIGNS[change]} ${change.padEnd(9)} ${id}  ${reasons.join('; ')}`.trimEnd(),
    )
    .join('\n');
