// needs: temporal
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Connection, ScheduleClient, ScheduleNotFoundError } from '@temporalio/client';
import type { LifeboatError } from '../../src/model/failures.ts';
import type { DeclaredSchedule } from '../../src/model/schedule.ts';
import { applySchedules } from '../../src/schedules/apply-schedules.ts';
import type { ScheduleOwner } from '../../src/schedules/schedule-options.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { unique } from './lifeboat.ts';

let connection: Connection;
let client: ScheduleClient;
let owner: ScheduleOwner;

before(async () => {
  const { address, namespace } = useTestbed().temporal;
  connection = await Connection.connect({ address });
  client = new ScheduleClient({ connection, namespace });
});
beforeEach(() => {
  owner = { taskQueue: unique('schedules') };
});
afterEach(async () => {
  for (const { name } of [nightly, weekly, often])
    await handle(name)
      .delete()
      .catch(() => undefined);
});
after(() => connection.close());

const declared = (name: string, more: Partial<DeclaredSchedule> = {}): DeclaredSchedule => ({
  name,
  workflow: 'backup',
  input: { services: ['neo4j'] },
  timezone: 'Europe/Berlin',
  jitter: 60_000,
  overlap: 'skip',
  catchupWindow: 86_400_000,
  paused: false,
  ...more,
});
const nightly = declared('nightly', { cron: ['30 3 * * 1-5', '@monthly'] });
const weekly = declared('weekly', {
  calendar: [
    { hour: 6, dayOfWeek: 'SUNDAY' },
    { minute: 30, hour: { start: 0, end: 23, step: 6 }, month: ['MARCH'] },
  ],
});
const often = declared('often', { every: 3_600_000 });

async function apply(schedules: DeclaredSchedule[], options: { dryRun?: boolean } = {}): Promise<string[]> {
  const changes = await applySchedules(client, schedules, owner, options);
  return changes.map(({ change, id }) => `${change} ${id.replace(`${owner.taskQueue}/`, '')}`);
}
const handle = (name: string) => client.getHandle(`${owner.taskQueue}/${name}`);

/** Everything that is declared now can be found by the listing too, which the server writes a moment later. */
const listed = (...names: string[]): Promise<void> =>
  until('the listing of all schedules', async () => {
    const ids = new Set<string>();
    for await (const { scheduleId } of client.list()) ids.add(scheduleId);
    return names.every((name) => ids.has(`${owner.taskQueue}/${name}`));
  });

/** A schedule of somebody else, with this id. */
async function foreign(scheduleId: string) {
  return await client.create({
    scheduleId,
    spec: { intervals: [{ every: '1h' }] },
    action: { type: 'startWorkflow', workflowType: 'somebodyElses', taskQueue: 'other' },
    state: { paused: true },
  });
}

describe('schedules apply', () => {
  test('a second time changes nothing, whatever the times are written in', async () => {
    const all = [nightly, weekly, often];
    assert.deepEqual(await apply(all), ['create nightly', 'create weekly', 'create often']);
    const before = await handle('weekly').describe();
    assert.deepEqual(await apply(all), ['unchanged nightly', 'unchanged weekly', 'unchanged often']);
    assert.deepEqual((await handle('weekly').describe()).info.lastUpdatedAt, before.info.lastUpdatedAt);
    await listed('nightly', 'weekly', 'often');
    assert.deepEqual(await apply([]), ['remove nightly', 'remove often', 'remove weekly']);
  });

  test('a dry run says the same and changes nothing', async () => {
    assert.deepEqual(await apply([nightly], { dryRun: true }), ['create nightly']);
    await assert.rejects(handle('nightly').describe(), ScheduleNotFoundError);
  });

  test('what is declared reaches the server', async () => {
    await apply([nightly]);
    const { action, policies, spec, state, memo } = await handle('nightly').describe();
    assert.equal(action.workflowType, 'backup');
    assert.equal(action.taskQueue, owner.taskQueue);
    assert.deepEqual(action.args, [{ services: ['neo4j'] }]);
    assert.deepEqual([policies.overlap, policies.catchupWindow], ['SKIP', 86_400_000]);
    assert.deepEqual([spec.timezone, spec.jitter, spec.calendars?.length], ['Europe/Berlin', 60_000, 2]);
    assert.equal(state.paused, false);
    assert.deepEqual(memo, { lifeboat: { owner: owner.taskQueue } });
  });

  test('what is declared otherwise is updated, and what is no longer declared is removed', async () => {
    await apply([nightly, often]);
    await listed('often');
    assert.deepEqual(await apply([{ ...nightly, cron: ['0 4 * * *'] }]), ['update nightly', 'remove often']);
    const [calendar] = (await handle('nightly').describe()).spec.calendars ?? [];
    assert.equal(calendar?.hour[0]?.start, 4);
    await assert.rejects(handle('often').describe(), ScheduleNotFoundError);
  });

  test('what somebody changed by hand is taken back', async () => {
    await apply([nightly]);
    await handle('nightly').update(({ spec, action, policies, state }) => ({
      action,
      policies,
      state,
      spec: { ...spec, calendars: [{ hour: 5 }] },
    }));
    const [change] = await applySchedules(client, [nightly], owner);
    assert.deepEqual(change?.reasons, ['changed by hand: the times']);
    assert.deepEqual(await apply([nightly]), ['unchanged nightly']);
  });

  test('a pause by hand stays, with its note; what the file says anew about pausing is carried out', async () => {
    await apply([nightly]);
    await handle('nightly').pause('the disk is being changed');
    assert.deepEqual(await apply([nightly]), ['unchanged nightly']);
    assert.deepEqual(await apply([{ ...nightly, jitter: 0 }]), ['update nightly']);
    const { state } = await handle('nightly').describe();
    assert.deepEqual([state.paused, state.note], [true, 'the disk is being changed']);
    await handle('nightly').unpause();
    assert.deepEqual(await apply([{ ...nightly, jitter: 0, paused: true }]), ['update nightly']);
    assert.equal((await handle('nightly').describe()).state.paused, true);
    assert.deepEqual(await apply([{ ...nightly, jitter: 0 }]), ['update nightly']);
    assert.equal((await handle('nightly').describe()).state.paused, false);
  });

  test('schedules of somebody else are not touched', async () => {
    const theirs = await foreign(unique('theirs'));
    const other: ScheduleOwner = { taskQueue: unique('other') };
    await applySchedules(client, [nightly], other);
    await apply([nightly]);
    await listed('nightly');
    assert.deepEqual(await apply([]), ['remove nightly']);
    assert.equal((await theirs.describe()).action.workflowType, 'somebodyElses');
    assert.equal(
      (await client.getHandle(`${other.taskQueue}/nightly`).describe()).action.workflowType,
      'backup',
    );
    await theirs.delete();
    await applySchedules(client, [], other);
  });

  test('one with the id of ours is refused in words, before anything is changed', async () => {
    const theirs = await foreign(`${owner.taskQueue}/nightly`);
    await assert.rejects(apply([often, nightly]), (error: LifeboatError) => {
      assert.equal(error.type, 'InvalidConfiguration');
      assert.match(
        error.message,
        /none is changed.*\/nightly": a schedule with this id was not made by Lifeboat: rename yours/,
      );
      return true;
    });
    await assert.rejects(handle('often').describe(), ScheduleNotFoundError);
    assert.deepEqual(await apply([nightly], { dryRun: true }), ['conflict nightly']);
    await theirs.delete();
  });

  test('a trigger by hand does not overlap the run that is under way', async () => {
    // Nobody serves the task queue, so that the first run stays under way.
    await apply([often]);
    await handle('often').trigger('SKIP');
    const info = async () => (await handle('often').describe()).info;
    await until('the first run', async () => (await info()).numActionsTaken === 1);
    await handle('often').trigger('SKIP');
    await until('the trigger that is skipped', async () => (await info()).numActionsSkippedOverlap === 1);
    const { numActionsTaken, runningActions } = await info();
    assert.deepEqual([numActionsTaken, runningActions.length], [1, 1]);
    assert.match(runningActions[0]?.workflow.workflowId ?? '', /^backup\/schedules-\w+\/often-/);
  });
});
