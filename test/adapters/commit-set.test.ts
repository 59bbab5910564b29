// needs: nothing
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { createRepositoryActivities, type ManifestDraft } from '../../src/activities/repository.ts';
import { listSets, readManifest } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import type { Encryption } from '../../src/config/config.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';
import { asActivity } from './as-activity.ts';

const path = await mkdtemp(join(tmpdir(), 'lifeboat-commit-'));
after(() => rm(path, { recursive: true, force: true }));
const repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });

const encryption: Encryption = { recipients: ['age1after'], identities: [] };
const { commitSet } = createRepositoryActivities({
  config: () => ({ encryption }),
  repository: () => repository,
  version: '0.1.0',
} as unknown as Dependencies);
const commit = async (draft: ManifestDraft) => await asActivity(commitSet, { repository: 'local', draft });

function draftOf(set: string): ManifestDraft {
  const {
    kind: _,
    format: _1,
    completedAt: _2,
    lifeboat: _3,
    encryption: _4,
    ...rest
  } = sampleManifest(set, new Date('2026-11-01T03:00:00Z'));
  const readers = { recipients: ['age1before'], passphrase: false };
  return { ...rest, artifacts: rest.artifacts.map((one) => ({ ...one, encryption: 'age', readers })) };
}

const store = async (draft: ManifestDraft) =>
  await Promise.all(
    draft.artifacts.map((one) => repository.put(one.path, Readable.from([Buffer.from('x')]))),
  );

test('a set is not committed when an artifact of it is gone', async () => {
  const draft = draftOf('20261101T030000Z-aaaaaa');
  await store(draft);
  const gone = draft.artifacts[1]?.path ?? '';
  await repository.delete(gone);
  await assert.rejects(commit(draft), (error) => {
    assert.ok(error instanceof ApplicationFailure);
    assert.deepEqual([error.type, error.nonRetryable], ['KeyNotFound', true]);
    assert.match(error.message, /system\.dump.*no longer in the repository "local".*Take the backup again/);
    return true;
  });
  assert.deepEqual(await listSets(repository), []);
});

test('a manifest names those whom the artifacts were encrypted for, once for all', async () => {
  const draft = draftOf('20261102T030000Z-bbbbbb');
  await store(draft);
  await commit(draft);
  // A retry finds its own.
  await commit(draft);
  const { encryption: named, artifacts } = await readManifest(repository, draft.set);
  assert.deepEqual(named, { recipients: ['age1before'], passphrase: false });
  assert.ok(artifacts.every((one) => !('readers' in one)));
});
