import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS } from '../faults/campaign/fault-names.ts';
import { parseOptions } from '../faults/campaign/options.ts';
import { planRound, roundSeed } from '../faults/campaign/plan-round.ts';

const KINDS = Object.keys(FAULTS);
const plain = (seed: number) => JSON.stringify(planRound(seed));

test('a seed plans the same round each time, and a later round of a campaign alone', () => {
  for (let round = 0; round < 200; round += 1) assert.equal(plain(roundSeed(7, round)), plain(7 + round));
  const plans = new Set(Array.from({ length: 200 }, (_, seed) => JSON.stringify(planRound(seed).operations)));
  assert.ok(plans.size > 20, 'rounds differ');
});

test('as many rounds as there are kinds meet every kind, wherever they begin', () => {
  for (const seed of [0, 12, 4711]) {
    const met = new Set(KINDS.flatMap((_, round) => planRound(seed + round).faults.map(({ name }) => name)));
    assert.deepEqual([...met].sort(), KINDS.toSorted());
  }
});

test('a fault comes at an activity of the operation that it is aimed at', () => {
  for (let seed = 0; seed < 500; seed += 1) {
    const { operations, faults } = planRound(seed);
    for (const { moment } of faults) assert.ok(operations[0]?.activities.includes(moment.activity));
    assert.ok(faults.length === 1 || faults.length === 2);
  }
});

test('one kind alone', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const { faults } = planRound(seed, 'helper-kill');
    assert.deepEqual(
      faults.map(({ name }) => name),
      ['helper-kill'],
    );
  }
});

test('what the command is asked for', () => {
  const { seed, rounds, only, json } = parseOptions(
    '--seed 5 --rounds 2 --only s3-503 --json f.json'.split(' '),
  );
  assert.deepEqual([seed, rounds, only, json], [5, 2, 's3-503', 'f.json']);
});

for (const [words, message] of [
  ['--seed x', /--seed takes a whole number from 0 .*, not "x"/],
  ['--rounds 0', /--rounds takes a whole number from 1 .*, not "0"/],
  ['--rounds 1.5', /--rounds takes a whole number/],
  ['--only worker-kil', /no such fault; did you mean "worker-kill"\?/],
  ['--json', /--json/],
  ['--go-on', /--go-on needs --json FILE/],
  ['--often', /--often/],
  ['more', /more/],
] as const) {
  test(`${words} is refused in a sentence`, () => {
    assert.throws(() => parseOptions(words.split(' ')), { message });
  });
}
