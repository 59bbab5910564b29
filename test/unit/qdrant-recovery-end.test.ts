import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { untilNothingIsRecovered } from '../../src/adapters/qdrant/recovery-end.ts';

/** A server that answers these numbers of running recoveries, one after the other. */
function answering(answers: (number | null)[]): Qdrant {
  return { recoveriesRunning: async () => answers.shift() } as unknown as Qdrant;
}

describe('before a snapshot is uploaded', () => {
  it('what the server still recovers is waited for', async () => {
    const answers = [2, 1, 0, 1];
    await untilNothingIsRecovered(answering(answers), 'notes', { pollMs: 1 });
    assert.deepEqual(answers, [1]);
  });

  it('a server that does not tell is not waited for', async () => {
    const answers = [null, 1];
    await untilNothingIsRecovered(answering(answers), 'notes', { pollMs: 1 });
    assert.deepEqual(answers, [1]);
  });

  it('the wait ends with a cancel', async () => {
    const cancelled = AbortSignal.abort(new Error('cancelled'));
    const waiting = untilNothingIsRecovered(answering([1, 1]), 'notes', { signal: cancelled });
    await assert.rejects(waiting, { name: 'AbortError' });
  });
});
