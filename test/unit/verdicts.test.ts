import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foundOf } from '../../src/model/verdicts.ts';

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
});
