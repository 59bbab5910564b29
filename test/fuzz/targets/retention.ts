import fc from 'fast-check';
import type { KeepRules, RetentionPolicy } from '../../../src/model/retention/policy.ts';
import { planRetention, type RetentionSet } from '../../../src/model/retention.ts';
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

/** No manifest has longer ones. */
const TEXTS = HOSTILE_TEXTS.filter((text) => text.length < 1000);

const services = fc.oneof(
  fc.constantFrom(['graph'], ['vectors', 'graph'], [], ['constructor'], ['__proto__', 'graph'], ['toString']),
  fc.array(fc.constantFrom(...TEXTS), { maxLength: 3 }),
);

const createdAt = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1000).toISOString()),
  fc.constantFrom(
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2026-03-29T02:30:00+01:00',
    '2026-10-25T02:30:00+02:00',
  ),
  { weight: 1, arbitrary: fc.constantFrom(...TEXTS) },
);

const sets: fc.Arbitrary<RetentionSet[]> = fc.array(
  fc.record(
    {
      id: fc.oneof(fc.uuid(), fc.constantFrom('a', 'b', '__proto__')),
      createdAt,
      services,
      state: fc.constantFrom('complete', 'complete', 'partial'),
      bytes: fc.oneof(fc.nat(), fc.constantFrom(...HOSTILE_NUMBERS.filter((number) => number >= 0))),
      verdict: fc.constantFrom('passed', 'failed'),
      held: fc.boolean(),
    },
    { requiredKeys: ['id', 'createdAt', 'services', 'state', 'bytes'] },
  ),
  { maxLength: 30 },
);

const amount = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(...HOSTILE_NUMBERS));
const rules: fc.Arbitrary<KeepRules> = fc.record(
  Object.fromEntries(
    [
      'keepLast',
      'keepHourly',
      'keepDaily',
      'keepWeekly',
      'keepMonthly',
      'keepYearly',
      'keepWithin',
      'maxAge',
    ].map((rule) => [rule, amount]),
  ),
  { requiredKeys: [] },
);

const policies: fc.Arbitrary<RetentionPolicy> = fc
  .tuple(
    rules,
    fc.record(
      {
        timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Apia', 'America/St_Johns'),
        minimum: fc.oneof(fc.integer({ min: 1, max: 3 }), amount),
        maxTotalBytes: amount,
        services: fc.dictionary(fc.constantFrom('graph', 'vectors', 'constructor'), rules, { maxKeys: 2 }),
      },
      { requiredKeys: ['timezone', 'minimum'] },
    ),
  )
  .map(([keep, more]) => ({ ...keep, ...more }));

export const RETENTION = target<{ list: RetentionSet[]; policy: RetentionPolicy; now: number }>({
  name: 'retention',
  what: 'plans of what expires: times, sizes, rules and names at and beyond every edge; no last good set ever leaves',
  inputs: () =>
    fc.record({ list: sets, policy: policies, now: fc.integer({ min: 0, max: 4_000_000_000_000 }) }),
  async read({ list, policy, now }) {
    return await receptionOf(() => {
      const { keep, expire } = planRetention(list, policy, new Date(now));
      const planned = new Set([...keep, ...expire].map(({ set }) => set));
      if (keep.length + expire.length !== list.length || planned.size !== list.length)
        throw new Error('A set is in no list, or in two.');
      if (expire.some(({ set }) => set.held)) throw new Error('A held set would leave.');
      const good = (set: RetentionSet) =>
        set.state === 'complete' && set.verdict !== 'failed' && Date.parse(set.createdAt) <= now;
      const group = (set: RetentionSet) => JSON.stringify([...new Set(set.services)].sort());
      for (const { set } of expire.filter((one) => good(one.set))) {
        if (!keep.some((one) => good(one.set) && group(one.set) === group(set)))
          throw new Error(`The last good set of ${group(set)} would leave.`);
      }
      // A name is a name: what stays does not depend on it.
      const renamed = (name: string) => (name === 'constructor' ? 'a-plain-name' : name);
      const again = planRetention(
        list.map((set) => ({ ...set, services: set.services.map(renamed) })),
        {
          ...policy,
          ...(policy.services && {
            services: Object.fromEntries(
              Object.entries(policy.services).map(([name, one]) => [renamed(name), one]),
            ),
          }),
        },
        new Date(now),
      );
      if (again.keep.length !== keep.length)
        throw new Error('A service called "constructor" is kept otherwise.');
    });
  },
});
