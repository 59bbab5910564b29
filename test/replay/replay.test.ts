// needs: nothing
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as workflows from '../../src/workflows/index.ts';
import { type StoredHistory, storedHistories } from './histories.ts';
import { SCENARIOS } from './recording/scenarios/index.ts';
import { presentCode, replayFailure, replayFailures } from './replay.ts';

const stored = storedHistories();
const failures = new Map<string, string | undefined>();

before(async () => {
  let at = 0;
  for await (const failure of replayFailures(stored.map(({ history }) => history))) {
    failures.set(stored[at]?.name ?? '', failure);
    at += 1;
  }
});

const HELP =
  'A run that is open while Lifeboat is upgraded would hang like this. If its version is released, put the change behind patched(), as docs/upgrading.md says; if not, record it anew with scripts/record-histories';

describe('the workflow code does what recorded runs did', () => {
  for (const { name, scenario } of stored) {
    test(name, () => {
      assert.ok(failures.has(name), 'it was replayed');
      const failure = failures.get(name);
      assert.equal(failure, undefined, `${failure}. ${HELP} ${scenario}.`);
    });
  }
});

test('every workflow type has a recorded history', () => {
  const recorded = new Set(stored.map(({ type }) => type));
  const missing = Object.keys(workflows).filter((type) => !recorded.has(type));
  const say =
    'Write a scenario for them in test/replay/recording/scenarios, and run scripts/record-histories NAME.';
  assert.deepEqual(missing, [], `Nothing is recorded of ${missing.join(', ')}. ${say}`);
});

test('every scenario is recorded', () => {
  const recorded = new Set(stored.map(({ scenario }) => scenario));
  const missing = SCENARIOS.map(({ name }) => name).filter((name) => !recorded.has(name));
  assert.deepEqual(missing, [], `Run scripts/record-histories ${missing.join(' ')}.`);
});

test('recorded histories hold nothing of the machine that recorded them', () => {
  for (const { name, history } of stored) {
    const text = JSON.stringify(history);
    const [left] = /"identity"|"stackTrace"|\/tmp\/|\/root\/|\/home\/|\d@[\w-]+"/.exec(text) ?? [];
    assert.equal(left, undefined, name);
  }
});

describe('code that would break an open run is found out', () => {
  const of = (scenario: string, type: string): StoredHistory => {
    const found = stored.findLast((one) => one.scenario === scenario && one.type === type);
    return found ?? assert.fail(`there is no history of ${type} in ${scenario}`);
  };

  test('two activities that change places', async () => {
    const { history } = of('prune', 'pruneRepository');
    const code = swapped(await presentCode(), '.planPrune(', '.collectOrphans(');
    assert.match((await replayFailure(history, code)) ?? '', /[Nn]ondeterminism|planPrune/);
  });

  test('a child under another id', async () => {
    const { history } = of('prune', 'prune');
    const code = (await presentCode()).replaceAll('`prune/${', '`pruner/${');
    assert.match((await replayFailure(history, code)) ?? '', /[Nn]ondeterminism|child/i);
  });
});

/** @throws when one of them is not there exactly once: then nothing, or something else, would be changed. */
function swapped(code: string, one: string, other: string): string {
  for (const text of [one, other]) assert.equal(code.split(text).length, 2, `${text} is there once`);
  return code.replace(one, '\0').replace(other, one).replace('\0', other);
}
