import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { whenFree } from '../../src/activities/when-free.ts';

const { signal } = new AbortController();

describe('steps that wait their turn', () => {
  test('are so many at a time and so few more, and the others fail at once', { timeout: 5000 }, async () => {
    const turn = whenFree(2, { waiting: 1, failure: () => new Error('come back') });
    const gate = Promise.withResolvers<void>();
    const begun: number[] = [];
    const step = (number: number) =>
      turn(signal, async () => {
        begun.push(number);
        await gate.promise;
      });
    const three = [step(1), step(2), step(3)];
    await assert.rejects(step(4), /come back/);
    assert.deepEqual(begun, [1, 2]);
    gate.resolve();
    await Promise.all(three);
    await step(5);
    assert.deepEqual(begun, [1, 2, 3, 5]);
  });

  test('all wait where nothing else is said', async () => {
    const turn = whenFree(1);
    const done = await Promise.all(Array.from({ length: 50 }, (_, at) => turn(signal, async () => at)));
    assert.equal(done.length, 50);
  });
});
