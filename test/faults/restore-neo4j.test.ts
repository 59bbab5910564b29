// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Fault } from './broken-run.ts';
import { type Matrix, type Step, startMatrix } from './restore-matrix.ts';

/** The worst moments of each kind; `scripts/reliability` tries every step with every fault. */
const ATTEMPTS: [Step, Fault][] = [
  ['loadDump', 'terminate'],
  ['openWindow', 'kill -9'],
  ['swapStores', 'failure'],
  ['swapStores', 'terminate'],
  ['swapStores', 'kill -9'],
  ['tryServing', 'cancel'],
  ['compareRestored', 'failure'],
];

let matrix: Matrix;
before(async () => {
  matrix = await startMatrix();
});
after(async () => {
  await matrix?.close();
});

for (const [step, fault] of ATTEMPTS) {
  test(`a restore that meets a ${fault} after ${step} ends with the old data or the new, whole and serving`, async () => {
    const outcome = await matrix.attempt(step, fault);
    assert.ok(['old data serving', 'new data serving, counts agree'].includes(outcome), outcome);
    // A failed step, and a run that somebody ended, must not have put the new data in.
    if (fault !== 'kill -9') assert.equal(outcome, 'old data serving');
  });
}

for (const fault of ['failure', 'cancel', 'section terminated'] as const) {
  test(`a restore into a stopped Neo4j that meets a ${fault} after its swap leaves the old data`, async () => {
    assert.equal(await matrix.attempt('swapStores', fault, { stopped: true }), 'old data serving');
  });
}
