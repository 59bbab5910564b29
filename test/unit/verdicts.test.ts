import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deciding, foundOf } from '../../src/model/verdicts.ts';

const found = (...said: string[]) =>
  foundOf(said.map((one) => ({ kind: one.split(' ')[0]!, verdict: one.split(' ')[1]! })));

describe('what was found of a set', () => {
  test('is nothing until something was', () => {
    assert.equal(found(), undefined);
    assert.equal(found('drill not-run', 'drill who-knows'), undefined);
    assert.equal(found('verify ok'), 'passed');
    assert.equal(found('drill failed'), 'failed');
  });

  test('is a failure until the same kind of look is good', () => {
    assert.equal(found('drill failed', 'verify ok'), 'failed');
    assert.equal(found('verify failed', 'drill ok'), 'failed');
    assert.equal(found('drill failed', 'verify ok', 'drill not-run'), 'failed');
    assert.equal(found('drill failed', 'drill ok'), 'passed');
    assert.equal(found('drill ok', 'drill failed'), 'failed');
    assert.equal(found('verify failed', 'drill ok', 'verify ok'), 'passed');
  });

  test('is no better for a drill of some services after a failure', () => {
    assert.equal(found('drill ok-in-part'), 'passed');
    assert.equal(found('drill failed', 'drill ok-in-part'), 'failed');
    assert.equal(found('drill failed', 'drill ok-in-part', 'drill ok'), 'passed');
  });

  test('is shown by what decides it, and not by what came last', () => {
    const shown = (...said: string[]) => {
      const one = deciding(said.map((text) => ({ kind: text.split(' ')[0]!, verdict: text.split(' ')[1]! })));
      return one && `${one.kind} ${one.verdict}`;
    };
    assert.equal(shown(), undefined);
    assert.equal(shown('drill failed', 'verify ok'), 'drill failed');
    assert.equal(shown('drill failed', 'verify failed', 'drill ok-in-part'), 'verify failed');
    assert.equal(shown('verify failed', 'drill failed', 'verify failed', 'verify ok'), 'drill failed');
    assert.equal(shown('drill failed', 'drill ok', 'verify ok'), 'verify ok');
    assert.equal(shown('verify ok', 'drill not-run'), 'verify ok');
    assert.equal(shown('drill not-run'), 'drill not-run');
  });
});
