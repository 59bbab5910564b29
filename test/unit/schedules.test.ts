import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calendarCron, defaultCatchupWindow, nextStarts } from '../../src/config/schedule-times.ts';
import type { DeclaredSchedule } from '../../src/model/schedule.ts';
import { declarationHash, scheduleOptions } from '../../src/schedules/schedule-options.ts';
import { type ExistingSchedule, planSchedules } from '../../src/schedules/schedule-plan.ts';

const HOUR = 3_600_000;
const owner = { taskQueue: 'lifeboat' };
const nightly: DeclaredSchedule = {
  name: 'nightly',
  workflow: 'backup',
  input: {},
  cron: ['30 3 * * *'],
  timezone: 'Europe/Berlin',
  jitter: 0,
  overlap: 'skip',
  catchupWindow: 24 * HOUR,
  paused: false,
};
const onServer = (more: Partial<ExistingSchedule> = {}): ExistingSchedule => ({
  id: 'lifeboat/nightly',
  owner: 'lifeboat',
  hash: declarationHash(nightly, owner),
  declaredPaused: false,
  paused: false,
  ...more,
});
const changes = (declared: DeclaredSchedule[], existing: ExistingSchedule[]) =>
  planSchedules(declared, existing, owner).map(({ change, id }) => `${change} ${id}`);

describe('the plan', () => {
  test('creates what is not there and removes what is no longer declared', () => {
    assert.deepEqual(changes([nightly], [onServer({ id: 'lifeboat/old' })]), [
      'create lifeboat/nightly',
      'remove lifeboat/old',
    ]);
  });

  test('changes nothing when the same was applied before', () => {
    assert.deepEqual(changes([nightly], [onServer()]), ['unchanged lifeboat/nightly']);
  });

  test('updates what is declared otherwise, and what was changed by hand', () => {
    const later = { ...nightly, cron: ['30 4 * * *'] };
    assert.deepEqual(changes([later], [onServer()]), ['update lifeboat/nightly']);
    assert.deepEqual(changes([nightly], [onServer({ drift: ['the input was changed by hand'] })]), [
      'update lifeboat/nightly',
    ]);
  });

  test('schedules of others are not touched, and one with the id of ours is a conflict', () => {
    const { owner: _, ...foreign } = onServer();
    assert.deepEqual(changes([], [{ ...foreign, id: 'other' }]), []);
    assert.deepEqual(changes([nightly], [foreign]), ['conflict lifeboat/nightly']);
    assert.deepEqual(changes([nightly], [onServer({ owner: 'lifeboat-b' })]), ['conflict lifeboat/nightly']);
    assert.deepEqual(changes([], [onServer({ owner: 'lifeboat-b' })]), []);
  });

  test('a pause by hand stays, also when something else is updated', () => {
    assert.deepEqual(changes([nightly], [onServer({ paused: true })]), ['unchanged lifeboat/nightly']);
    const [update] = planSchedules([{ ...nightly, jitter: 5000 }], [onServer({ paused: true })], owner);
    assert.equal(update?.change === 'update' && update.paused, true);
  });

  test('what the file says anew about pausing is carried out', () => {
    const [pause] = planSchedules([{ ...nightly, paused: true }], [onServer()], owner);
    assert.equal(pause?.change === 'update' && pause.paused, true);
    const [resume] = planSchedules([nightly], [onServer({ paused: true, declaredPaused: true })], owner);
    assert.equal(resume?.change === 'update' && resume.paused, false);
  });
});

describe('options', () => {
  test('a declared schedule starts one workflow by name with one object, and is marked as ours', () => {
    const options = scheduleOptions({ ...nightly, input: { services: ['neo4j'] } }, owner);
    assert.equal(options.scheduleId, 'lifeboat/nightly');
    assert.equal(options.action.workflowType, 'backup');
    assert.deepEqual(options.action.args, [{ services: ['neo4j'] }]);
    assert.equal(options.policies?.overlap, 'SKIP');
    assert.deepEqual(options.memo, { lifeboat: { owner: 'lifeboat' } });
  });

  test('the hash does not depend on the order of keys, and depends on every field', () => {
    const turned = Object.fromEntries(Object.entries(nightly).reverse()) as unknown as DeclaredSchedule;
    assert.equal(declarationHash(turned, owner), declarationHash(nightly, owner));
    for (const other of [
      { workflow: 'verify' as const },
      { input: { a: 1 } },
      { timezone: 'UTC' },
      { jitter: 1 },
      { overlap: 'bufferOne' as const },
      { catchupWindow: 1 },
    ]) {
      assert.notEqual(declarationHash({ ...nightly, ...other }, owner), declarationHash(nightly, owner));
    }
  });
});

describe('times', () => {
  const now = new Date('2026-11-23T12:00:00Z');

  test('the catch-up window is the longest gap, so that one missed start is caught up once', () => {
    assert.equal(defaultCatchupWindow({ every: 6 * HOUR }, 'UTC', now), 6 * HOUR);
    assert.equal(defaultCatchupWindow({ cron: ['0 3 * * 1-5'] }, 'UTC', now), 72 * HOUR);
    assert.equal(defaultCatchupWindow({ cron: ['* * * * *'] }, 'UTC', now), 60_000);
    assert.equal(
      defaultCatchupWindow({ calendar: [{ hour: 3, dayOfWeek: 'SUNDAY' }] }, 'UTC', now),
      168 * HOUR,
    );
  });

  test('the gap over the end of daylight saving is an hour longer', () => {
    assert.equal(
      defaultCatchupWindow({ cron: ['30 3 * * *'] }, 'Europe/Berlin', new Date('2026-10-20T00:00:00Z')),
      25 * HOUR,
    );
  });

  test('a calendar reads like the cron expression that says the same', () => {
    assert.equal(calendarCron({ minute: 30, hour: { start: 0, end: 23, step: 6 } }), '0 30 0-23/6 * * * *');
    const cron = nextStarts({ cron: ['30 3 1 JAN-MAR *'] }, 'Asia/Kathmandu', 5, now);
    const calendar = [{ minute: 30, hour: 3, dayOfMonth: 1, month: { start: 'JANUARY', end: 'MARCH' } }];
    assert.deepEqual(nextStarts({ calendar }, 'Asia/Kathmandu', 5, now), cron);
    assert.equal(cron.length, 5);
  });

  test('both the day of the month and of the week have to match, as Temporal reads it', () => {
    const [first] = nextStarts({ cron: ['0 0 13 * 5'] }, 'UTC', 1, now);
    assert.equal(new Date(first ?? 0).toISOString(), '2027-08-13T00:00:00.000Z');
  });
});
