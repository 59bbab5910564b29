// needs: nothing
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LifeboatError } from '../../src/model/failures.ts';
import { parseOptions } from './options.ts';
import { playTargets } from './play-targets.ts';
import { receptionOf, type Target, target } from './target.ts';
import { TARGETS } from './targets/index.ts';

// A short run of what scripts/fuzz does at length; by one seed, so that it is the same each time.
const RUNS = 150;
const SEED = 1;

const HELP = `Play it again with scripts/fuzz --seed ${SEED} --runs ${RUNS} --only`;

describe('whatever is read, it is taken or refused with a sentence', async () => {
  const played = all(playTargets(TARGETS, RUNS, SEED));
  for (const [at, { name }] of TARGETS.entries()) {
    test(name, async () => {
      const one = (await played)[at];
      assert.equal(one?.broken, undefined, `${one?.broken}\n${HELP} ${name}`);
    });
  }
});

describe('what is no plain refusal is found out', () => {
  const refusals: [string, () => never, RegExp][] = [
    ['an error of another kind', () => fail(new TypeError('x is not a function')), /not a function/],
    ['no sentence', () => fail(new LifeboatError('InvalidInput', 'oops')), /is no sentence/],
    [
      'a stack',
      () => fail(new LifeboatError('InvalidInput', 'It is wrong:\n    at x')),
      /inside of the program/,
    ],
    [
      'a long message',
      () => fail(new LifeboatError('InvalidInput', 'A b c'.repeat(50_000))),
      /characters long/,
    ],
  ];
  for (const [what, call, expected] of refusals) {
    test(what, async () => await assert.rejects(receptionOf(call), expected));
  }

  test('a thread that dies, and the targets after it are played', async () => {
    const unknown: Target = target({ name: 'none', what: '', inputs: () => fc.nat(), read: () => 'taken' });
    const played = await all(playTargets([unknown, ...TARGETS.slice(0, 1)], 1, SEED));
    assert.match(played[0]?.broken ?? '', /There is no target "none"/);
    assert.equal(played[1]?.broken, undefined);
    assert.equal(played[1]?.receptions.refused, 1);
  });
});

test('options that are wrong are refused with a sentence', () => {
  assert.throws(() => parseOptions(['--only', 'manifests']), /did you mean "manifest"/);
  assert.throws(() => parseOptions(['--runs', '0']), /--runs takes a whole number from 1/);
  assert.deepEqual(parseOptions(['--seed', '7', '--runs', '9']), {
    seed: 7,
    runs: 9,
    write: false,
    help: false,
  });
});

async function all<T>(each: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of each) found.push(one);
  return found;
}

function fail(error: Error): never {
  throw error;
}
