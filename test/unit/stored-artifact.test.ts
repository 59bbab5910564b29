import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readersOf, type StoredArtifact } from '../../src/model/stored-artifact.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';

const set = '20261101T030000Z-aaaaaa';
const [one, two, three] = sampleManifest(set, new Date('2026-11-01T03:00:00Z')).artifacts;
const sealed = (artifact: StoredArtifact | undefined, ...recipients: string[]): StoredArtifact => ({
  ...artifact!,
  encryption: 'age',
  readers: { recipients, passphrase: false },
});

test('the readers of a set are those that its artifacts were encrypted for, whatever is configured at its end', () => {
  const now = { recipients: ['c'], passphrase: false };
  assert.deepEqual(readersOf([sealed(one, 'a'), sealed(two, 'a', 'b'), three!], now), {
    recipients: ['a', 'b'],
    passphrase: false,
  });
  assert.deepEqual(readersOf([sealed(one, 'a')], null), { recipients: ['a'], passphrase: false });
  assert.equal(readersOf([one!, two!], now), null);
  // A worker of an older version did not say it.
  assert.deepEqual(readersOf([{ ...one!, encryption: 'age' }], now), now);
});
