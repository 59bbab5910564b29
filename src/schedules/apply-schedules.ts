import {
  type ScheduleClient,
  type ScheduleDescription,
  ScheduleNotFoundError,
  type ScheduleSummary,
} from '@temporalio/client';
import { nextStarts } from '../config/schedule-times.ts';
import { LifeboatError, messageOf } from '../model/failures.ts';
import type { Calendar, DeclaredSchedule } from '../model/schedule.ts';
import {
  type DeclarationMemo,
  MEMO,
  NOTE,
  type OwnerMemo,
  type ScheduleOwner,
  scheduleId,
  scheduleOptions,
} from './schedule-options.ts';
import { type ExistingSchedule, planSchedules, type ScheduleChange } from './schedule-plan.ts';

/** Starts that are compared to find out whether times were changed by hand. */
const COMPARED_STARTS = 20;

/** Schedules of this owner on the server, and whatever has the id of a declared one. */
export async function existingSchedules(
  client: ScheduleClient,
  declared: readonly DeclaredSchedule[],
  owner: ScheduleOwner,
): Promise<ExistingSchedule[]> {
  // The listing is a little late; what is asked for by id is not.
  const ids = new Set(declared.map((schedule) => scheduleId(owner, schedule.name)));
  for (const { scheduleId: id, memo } of await listed(client, owner)) {
    if ((memo?.[MEMO] as OwnerMemo | undefined)?.owner === owner.taskQueue) ids.add(id);
  }
  const found: ExistingSchedule[] = [];
  for (const id of ids) {
    const description = await describe(client, id);
    const schedule = declared.find((one) => scheduleId(owner, one.name) === id);
    if (description) found.push(existing(description, schedule, owner));
  }
  return found;
}

/** Only those whose id begins like ours, so that memos of others, maybe encrypted, are not read; older servers list all. */
async function listed(client: ScheduleClient, owner: ScheduleOwner): Promise<ScheduleSummary[]> {
  const query = `ScheduleId STARTS_WITH '${scheduleId(owner, '').replaceAll("'", "''")}'`;
  try {
    return await collect(client.list({ query }));
  } catch {
    return await collect(client.list());
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/**
 * Bring the server's schedules to what is declared. Only schedules of this owner are touched; a second call changes nothing.
 * @throws {LifeboatError} `InvalidConfiguration`, before anything is changed, when a schedule of somebody else has the id of
 * ours. With `dryRun` the conflict is part of the answer instead.
 */
export async function applySchedules(
  client: ScheduleClient,
  declared: readonly DeclaredSchedule[],
  owner: ScheduleOwner,
  options: { dryRun?: boolean } = {},
): Promise<ScheduleChange[]> {
  const changes = planSchedules(declared, await existingSchedules(client, declared, owner), owner);
  if (options.dryRun) return changes;
  const conflicts = changes.filter((change) => change.change === 'conflict');
  if (conflicts.length > 0) {
    const lines = conflicts.map(({ id, reasons }) => `"${id}": ${reasons.join('; ')}`);
    throw new LifeboatError(
      'InvalidConfiguration',
      `The schedules are not applied, and none is changed. ${lines.join('. ')}.`,
    );
  }
  for (const change of changes) await carryOut(client, change, owner);
  return changes;
}

async function carryOut(client: ScheduleClient, change: ScheduleChange, owner: ScheduleOwner): Promise<void> {
  try {
    if (change.change === 'create') await client.create(scheduleOptions(change.schedule, owner));
    if (change.change === 'remove') await client.getHandle(change.id).delete();
    if (change.change === 'update') {
      const { scheduleId: _, memo: __, ...options } = scheduleOptions(change.schedule, owner);
      await client.getHandle(change.id).update((previous) => ({
        ...options,
        state: {
          paused: change.paused,
          note: change.paused && previous.state.note ? previous.state.note : NOTE,
        },
      }));
    }
  } catch (cause) {
    if (change.change === 'remove' && cause instanceof ScheduleNotFoundError) return;
    throw new LifeboatError(
      'HostUnreachable',
      `The schedule "${change.id}" could not be changed (${change.change}): ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function describe(client: ScheduleClient, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

function existing(
  description: ScheduleDescription,
  declared: DeclaredSchedule | undefined,
  owner: ScheduleOwner,
): ExistingSchedule {
  const made = description.memo?.[MEMO] as OwnerMemo | undefined;
  const from = description.action.memo?.[MEMO] as DeclarationMemo | undefined;
  return {
    id: description.scheduleId,
    ...(made && { owner: made.owner }),
    ...(from && { hash: from.hash, declaredPaused: from.paused }),
    paused: description.state.paused,
    drift: declared ? driftOf(description, declared, owner) : [],
  };
}

/** What was changed by hand. Times are compared by the starts that they lead to, since the server rewrites cron expressions. */
function driftOf(
  description: ScheduleDescription,
  declared: DeclaredSchedule,
  owner: ScheduleOwner,
): string[] {
  const wanted = scheduleOptions(declared, owner);
  const { action, policies, spec } = description;
  const drift: string[] = [];
  const same = (what: string, is: unknown, should: unknown): void => {
    if (JSON.stringify(is) !== JSON.stringify(should)) drift.push(`changed by hand: ${what}`);
  };
  same('the workflow', action.workflowType, wanted.action.workflowType);
  same('the task queue', action.taskQueue, wanted.action.taskQueue);
  same('the input', action.args, wanted.action.args);
  same('the overlap policy', policies.overlap, wanted.policies?.overlap);
  same('the catch-up window', policies.catchupWindow, wanted.policies?.catchupWindow);
  same('the time zone', spec.timezone ?? 'UTC', wanted.spec.timezone ?? 'UTC');
  same('the jitter', spec.jitter ?? 0, wanted.spec.jitter ?? 0);
  same(
    'the interval',
    spec.intervals?.map(({ every }) => every),
    declared.every === undefined ? [] : [declared.every],
  );
  const now = new Date();
  const calendar = (spec.calendars ?? []).map(({ comment: _, ...fields }) => fields as Calendar);
  same(
    'the times',
    nextStarts({ calendar }, declared.timezone, COMPARED_STARTS, now),
    nextStarts(declared, declared.timezone, COMPARED_STARTS, now),
  );
  return drift;
}
