import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { LifeboatError } from '../../src/model/failures.ts';
import { calendarBucket } from '../../src/model/retention/calendar.ts';
import {
  planRetention,
  type RetentionPlan,
  type RetentionPolicy,
  type RetentionSet,
} from '../../src/model/retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date('2026-11-23T12:00:00Z');
const base: RetentionPolicy = { timezone: 'UTC', minimum: 1 };

const set = (id: string, createdAt: string, more: Partial<RetentionSet> = {}): RetentionSet => ({
  id,
  createdAt,
  services: ['neo4j', 'qdrant'],
  state: 'complete',
  bytes: 100,
  ...more,
});
const daily = (days: number, hour = 3): RetentionSet[] =>
  Array.from({ length: days }, (_, index) => {
    const time = new Date(Date.UTC(2026, 10, 23 - index, hour)).toISOString();
    return set(time, time);
  });
const kept = (plan: RetentionPlan): string[] => plan.keep.map((entry) => entry.set.id);
const expired = (plan: RetentionPlan): string[] => plan.expire.map((entry) => entry.set.id);
const reasonFor = (plan: RetentionPlan, id: string): string =>
  plan.keep.find((entry) => entry.set.id === id)?.reasons.join('; ') ??
  plan.expire.find((entry) => entry.set.id === id)?.reason ??
  '';

describe('the rules', () => {
  test('daily, weekly, monthly and yearly keep the newest set of each, and the union stays', () => {
    const plan = planRetention(
      daily(800),
      { ...base, keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 3 },
      NOW,
    );
    const days = kept(plan).map((id) => id.slice(0, 10));
    assert.deepEqual(days.slice(0, 7), [
      '2026-11-23',
      '2026-11-22',
      '2026-11-21',
      '2026-11-20',
      '2026-11-19',
      '2026-11-18',
      '2026-11-17',
    ]);
    // Weeks end on Sunday: the 22nd is in the days already, then the 15th and the 8th.
    assert.deepEqual(days.slice(7, 10), ['2026-11-15', '2026-11-08', '2026-10-31']);
    assert.ok(days.includes('2025-12-31') && days.includes('2024-12-31'));
    assert.equal(days.filter((day) => day < '2025-12-31').length, 1);
  });

  test('the reasons name the rule and the day, and what leaves says why', () => {
    const plan = planRetention(daily(5), { ...base, keepDaily: 2, maxAge: 3 * DAY }, NOW);
    assert.match(
      reasonFor(plan, '2026-11-23T03:00:00.000Z'),
      /the newest good set; keepDaily 2 \(2026-11-23\)/,
    );
    assert.equal(reasonFor(plan, '2026-11-21T03:00:00.000Z'), 'no rule keeps it');
    assert.equal(reasonFor(plan, '2026-11-19T03:00:00.000Z'), 'older than maxAge');
  });

  test('keepWithin counts from the newest good set, so that nothing leaves when backups stopped', () => {
    const old = daily(5).map((one) => ({ ...one, createdAt: `2020${one.createdAt.slice(4)}` }));
    assert.equal(planRetention(old, { ...base, keepWithin: 10 * DAY }, NOW).expire.length, 0);
    assert.equal(planRetention(old, { ...base, keepWithin: 2 * DAY }, NOW).keep.length, 3);
  });

  test('maximum age takes away what other rules keep, but neither the floor nor holds', () => {
    const sets = daily(10).map((one, index) => (index === 9 ? { ...one, held: true } : one));
    const plan = planRetention(sets, { ...base, keepAll: true, maxAge: HOUR, minimum: 3 }, NOW);
    assert.deepEqual(kept(plan), [sets[0]?.id, sets[1]?.id, sets[2]?.id, sets[9]?.id]);
    assert.equal(reasonFor(plan, sets[9]?.id ?? ''), 'held');
  });

  test('the total size lets the oldest leave first, and stops at the floor', () => {
    const sets = daily(10);
    const plan = planRetention(sets, { ...base, maxTotalBytes: 450 }, NOW);
    assert.deepEqual(
      kept(plan),
      sets.slice(0, 4).map((one) => one.id),
    );
    assert.match(plan.expire[0]?.reason ?? '', /maxTotalSize/);
    assert.equal(plan.expire[0]?.set.id, sets[9]?.id);
    assert.equal(planRetention(sets, { ...base, maxTotalBytes: 1 }, NOW).keep.length, 1);
  });

  test('the newest verified set stays, however old', () => {
    const sets = daily(400).map((one, index) =>
      index === 399 ? { ...one, verdict: 'passed' as const } : one,
    );
    const plan = planRetention(sets, { ...base, keepLast: 2, maxAge: DAY }, NOW);
    assert.match(reasonFor(plan, sets[399]?.id ?? ''), /the newest verified set/);
  });

  test('a damaged set is not good: the one before it stays as the floor', () => {
    const sets = daily(3).map((one, index) => (index === 0 ? { ...one, verdict: 'failed' as const } : one));
    const plan = planRetention(sets, { ...base, maxAge: HOUR }, NOW);
    assert.deepEqual(kept(plan), [sets[0]?.id, sets[1]?.id]);
    assert.match(reasonFor(plan, sets[0]?.id ?? ''), /no newer good set/);
  });

  test('a partial set leaves when a newer good one has its services, and not before', () => {
    const partial = set('p', '2026-11-20T00:00:00Z', { state: 'partial' });
    assert.deepEqual(kept(planRetention([partial], { ...base, keepLast: 1 }, NOW)), ['p']);
    const other = set('o', '2026-11-21T00:00:00Z', { services: ['qdrant'] });
    assert.deepEqual(kept(planRetention([partial, other], { ...base, keepLast: 1 }, NOW)), ['o', 'p']);
    const good = set('g', '2026-11-21T00:00:00Z');
    const plan = planRetention([partial, good], { ...base, keepLast: 9 }, NOW);
    assert.match(reasonFor(plan, 'p'), /partial, and a newer good set/);
  });

  test('a partial set never counts as one of the sets that a rule keeps', () => {
    const sets = [set('p', '2026-11-22T00:00:00Z', { state: 'partial' }), ...daily(3, 1).slice(2)];
    const plan = planRetention(sets, { ...base, keepLast: 1 }, NOW);
    assert.deepEqual(kept(plan).length, 2);
  });

  test('a set from the future stays and takes nobody’s place', () => {
    const sets = [set('future', '2027-01-01T00:00:00Z'), ...daily(3)];
    const plan = planRetention(sets, { ...base, keepLast: 1 }, NOW);
    assert.deepEqual(kept(plan), ['future', sets[1]?.id]);
    assert.match(reasonFor(plan, 'future'), /in the future/);
  });

  test('sets of other services are counted apart, in whatever order the services stand', () => {
    const sets = [
      set('a1', '2026-11-22T00:00:00Z'),
      set('a2', '2026-11-21T00:00:00Z', { services: ['qdrant', 'neo4j'] }),
      set('b1', '2026-11-20T00:00:00Z', { services: ['neo4j'] }),
    ];
    assert.deepEqual(kept(planRetention(sets, { ...base, keepLast: 1 }, NOW)), ['a1', 'b1']);
  });

  test('rules of a service hold for the sets that have it; any service’s rules can keep a set', () => {
    const policy = { ...base, keepLast: 1, services: { qdrant: { keepLast: 3 } } };
    assert.equal(planRetention(daily(9), policy, NOW).keep.length, 3);
    const alone = daily(9).map((one) => ({ ...one, services: ['neo4j'] }));
    assert.equal(planRetention(alone, policy, NOW).keep.length, 1);
  });

  test('a service without rules of its own has the general ones, also when it is called "constructor"', () => {
    const policy = { ...base, keepLast: 1, services: { qdrant: { keepLast: 3 } } };
    const list = daily(9).map((one) => ({ ...one, services: ['constructor'] }));
    assert.equal(planRetention(list, policy, NOW).keep.length, 1);
  });

  test('a policy that would keep nothing is refused', () => {
    const refused = (policy: RetentionPolicy, text: RegExp) =>
      assert.throws(
        () => planRetention(daily(2), policy, NOW),
        (error: LifeboatError) => error.type === 'InvalidConfiguration' && text.test(error.message),
      );
    refused(base, /would keep nothing/);
    refused({ ...base, keepLast: 0, keepDaily: 0 }, /would keep nothing/);
    refused({ ...base, keepLast: 1, services: { a: {} } }, /service "a" would keep nothing/);
    refused({ ...base, keepLast: 1, minimum: 0 }, /at least 1/);
    assert.throws(
      () => planRetention([set('x', 'yesterday')], { ...base, keepLast: 1 }, NOW),
      /can not be read/,
    );
  });
});

describe('calendars', () => {
  test('a day is a day of the zone: 23:30 UTC is tomorrow in Berlin', () => {
    const time = Date.parse('2026-07-01T22:30:00Z');
    assert.equal(calendarBucket(time, 'day', 'UTC'), '2026-07-01');
    assert.equal(calendarBucket(time, 'day', 'Europe/Berlin'), '2026-07-02');
  });

  test('the hour that comes twice in autumn is two hours; ISO weeks cross the year', () => {
    const first = Date.parse('2026-10-25T00:30:00Z');
    const [a, b] = [first, first + HOUR].map((time) => calendarBucket(time, 'hour', 'Europe/Berlin'));
    assert.equal(a, '2026-10-25T02+02:00');
    assert.equal(b, '2026-10-25T02+01:00');
    assert.equal(calendarBucket(Date.parse('2027-01-02T12:00:00Z'), 'week', 'UTC'), '2026-W53');
  });

  test('a year of hourly sets over both changes of daylight saving keeps one set of each local day', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago']) {
      const sets = Array.from({ length: 365 * 24 }, (_, index) => {
        const time = new Date(NOW.getTime() - index * HOUR).toISOString();
        return set(time, time);
      });
      const plan = planRetention(sets, { ...base, timezone: zone, keepDaily: 366 }, NOW);
      const days = plan.keep.map((one) => DateTime.fromISO(one.set.createdAt, { zone }).toISODate());
      assert.equal(new Set(days).size, days.length, zone);
      assert.ok(days.length === 366 || days.length === 365, `${zone}: ${days.length}`);
    }
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
];
const anySets = fc.uniqueArray(
  fc.record({
    id: fc.uuid(),
    // Four years that end a little after now, so that some are in the future.
    createdAt: fc
      .integer({ min: -4 * 365 * 24, max: 48 })
      .map((h) => new Date(NOW.getTime() + h * HOUR).toISOString()),
    services: fc.constantFrom(['neo4j', 'qdrant'], ['neo4j'], ['qdrant'], ['qdrant', 'neo4j']),
    state: fc.constantFrom('complete' as const, 'complete' as const, 'complete' as const, 'partial' as const),
    bytes: fc.integer({ min: 1, max: 1000 }),
    verdict: fc.constantFrom('none' as const, 'passed' as const, 'failed' as const),
    held: fc.constantFrom(true, false, false, false),
  }),
  { selector: (one) => one.id, maxLength: 60 },
);
const sets = anySets.map((list) =>
  list.map(({ verdict, ...one }): RetentionSet => (verdict === 'none' ? one : { ...one, verdict })),
);
const maybe = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: 0 });
const keeps = fc.record({
  keepLast: maybe(5),
  keepHourly: maybe(5),
  keepDaily: maybe(10),
  keepWeekly: maybe(8),
  keepMonthly: maybe(12),
  keepYearly: maybe(3),
});
const limits = fc.record(
  {
    keepWithin: fc.integer({ min: HOUR, max: 400 * DAY }),
    maxAge: fc.integer({ min: HOUR, max: 900 * DAY }),
    maxTotalBytes: fc.integer({ min: 1, max: 20_000 }),
  },
  { requiredKeys: [] },
);
const policies = fc
  .record({ keeps, limits, timezone: fc.constantFrom(...zones), minimum: fc.integer({ min: 1, max: 4 }) })
  .map(({ keeps: rules, limits: bounds, ...rest }): RetentionPolicy => {
    const policy = { ...rules, ...bounds, ...rest };
    return Object.values({ ...rules, ...bounds }).some((value) => value > 0)
      ? policy
      : { ...policy, keepLast: 1 };
  });

const groupOf = (one: RetentionSet): string => [...one.services].sort().join();
const isGood = (one: RetentionSet): boolean => one.state === 'complete' && one.verdict !== 'failed';
const isPast = (one: RetentionSet): boolean => Date.parse(one.createdAt) <= NOW.getTime();

describe('whatever the sets and the policy', () => {
  const check = (property: fc.IProperty<never> | fc.IProperty<[RetentionSet[], RetentionPolicy]>) =>
    fc.assert(property as fc.IProperty<[RetentionSet[], RetentionPolicy]>, { numRuns: 300 });

  test('every set is in exactly one list', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        const plan = planRetention(list, policy, NOW);
        assert.deepEqual([...kept(plan), ...expired(plan)].sort(), list.map((one) => one.id).sort());
      }),
    );
  });

  test('each group keeps its floor of good sets and its newest verified one', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        const ids = new Set(kept(planRetention(list, policy, NOW)));
        for (const group of Map.groupBy(list, groupOf).values()) {
          const good = group.filter((one) => isGood(one) && isPast(one));
          const left = good.filter((one) => ids.has(one.id));
          assert.ok(left.length >= Math.min(policy.minimum, good.length));
          const verified = good.filter((one) => one.verdict === 'passed');
          const newest = Math.max(...verified.map((one) => Date.parse(one.createdAt)));
          if (verified.length > 0) {
            assert.ok(verified.some((one) => ids.has(one.id) && Date.parse(one.createdAt) === newest));
          }
        }
      }),
    );
  });

  test('nothing that is held, or from the future, leaves', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        for (const { set: one } of planRetention(list, policy, NOW).expire) {
          assert.ok(!one.held);
          assert.ok(isPast(one));
        }
      }),
    );
  });

  test('no group is ever emptied', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        const plan = planRetention(list, policy, NOW);
        const services = (some: RetentionSet[]) => new Set(some.flatMap((one) => one.services));
        const before = services(list);
        const after = services(plan.keep.map((entry) => entry.set));
        assert.deepEqual([...after].sort(), [...before].sort());
      }),
    );
  });

  test('carrying the plan out and planning again expires nothing more', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        const left = planRetention(list, policy, NOW).keep.map((entry) => entry.set);
        assert.deepEqual(expired(planRetention(left, policy, NOW)), []);
      }),
    );
  });

  test('the order of the sets does not matter', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        const plan = planRetention(list, policy, NOW);
        assert.deepEqual(planRetention([...list].reverse(), policy, NOW), plan);
      }),
    );
  });

  test('a more generous policy never expires more', () => {
    check(
      fc.property(sets, policies, (list, policy) => {
        // The total size is left out: what a generous rule keeps takes room that an older set loses.
        const { maxTotalBytes: _, ...narrow } = { ...policy, keepLast: policy.keepLast ?? 0 };
        if (![narrow.keepLast, narrow.keepDaily, narrow.keepYearly].some((count) => (count ?? 0) > 0)) return;
        const generous = { ...narrow, keepLast: narrow.keepLast + 2, minimum: policy.minimum + 1 };
        generous.keepDaily = (generous.keepDaily ?? 0) + 3;
        if (generous.maxAge !== undefined) generous.maxAge += 30 * DAY;
        const before = new Set(expired(planRetention(list, narrow, NOW)));
        for (const id of expired(planRetention(list, generous, NOW))) assert.ok(before.has(id));
      }),
    );
  });

  test('two rules together keep what either keeps', () => {
    check(
      fc.property(sets, policies, (list, { timezone, minimum }) => {
        const only = (rules: Partial<RetentionPolicy>) =>
          kept(planRetention(list.filter(isGood), { timezone, minimum, ...rules }, NOW));
        const union = new Set([...only({ keepDaily: 5 }), ...only({ keepMonthly: 6 })]);
        assert.deepEqual(only({ keepDaily: 5, keepMonthly: 6 }).sort(), [...union].sort());
      }),
    );
  });
});

describe('a fortnight', () => {
  test('of a backup every two hours, pruned after each, ends with exactly what the policy says', () => {
    const policy: RetentionPolicy = {
      timezone: 'Europe/Berlin',
      minimum: 2,
      keepLast: 3,
      keepDaily: 5,
      keepWeekly: 3,
    };
    // Over the end of daylight saving in Berlin, on October 25th.
    const begin = Date.parse('2026-10-18T00:00:00Z');
    let left: RetentionSet[] = [];
    let made = 0;
    for (let time = begin; time < begin + 14 * DAY; time += 2 * HOUR) {
      const createdAt = new Date(time).toISOString();
      made += 1;
      left.push(set(createdAt, createdAt, { state: made % 7 === 0 ? 'partial' : 'complete' }));
      left = planRetention(left, policy, new Date(time + HOUR)).keep.map((entry) => entry.set);
      assert.ok(left.length <= 12);
    }
    assert.deepEqual(
      left.map(({ id, state }) => `${id.slice(0, 13)} ${state}`),
      [
        // The newest one is partial, and nothing replaces it yet; it counts for no rule.
        '2026-10-31T22 partial',
        // Three newest good ones and, of each local day and ISO week, the newest: days begin at 22:00 or 23:00 UTC.
        '2026-10-31T20 complete',
        '2026-10-31T18 complete',
        '2026-10-31T16 complete',
        '2026-10-30T22 complete',
        '2026-10-29T22 complete',
        '2026-10-28T22 complete',
        '2026-10-27T22 complete',
        '2026-10-25T22 complete',
        '2026-10-18T20 complete',
      ],
    );
  });
});
