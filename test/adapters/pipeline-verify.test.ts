// needs: nothing
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { walk } from '../../src/adapters/pipeline/read-walked.ts';
import { storeArtifact } from '../../src/adapters/pipeline/store-artifact.ts';
import { verifyArtifact } from '../../src/adapters/pipeline/verify-artifact.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { Secret } from '../../src/config/secret.ts';
import type { Artifact } from '../../src/model/manifest.ts';
import { failsWith } from './failure.ts';
import { chunked } from './repository-contract.ts';

const path = await mkdtemp(join(tmpdir(), 'lifeboat-verify-'));
after(() => rm(path, { recursive: true, force: true }));
const repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
const dump = await readFile(fileURLToPath(new URL('recordings/empty-database.dump', import.meta.url)));
const identity = await generateX25519Identity();
const encryption = { recipients: [await identityToRecipient(identity)] };
const identities = [new Secret(identity)];

let count = 0;
async function store(bytes: Buffer, encrypted: boolean): Promise<Artifact> {
  count += 1;
  const key = `sets/one/graph/${count}.dump`;
  const done = await storeArtifact({
    source: chunked(bytes, 1000),
    repository,
    key,
    compression: 'none',
    ...(encrypted ? { encryption } : {}),
  });
  return {
    service: 'graph',
    kind: 'neo4j-dump',
    name: 'neo4j',
    path: key,
    content: done.content,
    stored: done.stored,
    compression: 'none',
    encryption: encrypted ? 'age' : 'none',
    capturedAt: '2026-11-23T00:00:00Z',
  };
}

describe('verifying an artifact', () => {
  for (const encrypted of [false, true]) {
    it(`walks it when it can be read (${encrypted ? 'encrypted' : 'plain'})`, async () => {
      const artifact = await store(dump, encrypted);
      const verified = await verifyArtifact({ repository, artifact, identities });
      assert.equal(verified.depth, 'content');
      const archive = verified.depth === 'content' ? verified.archive : assert.fail();
      assert.ok(archive.files > 30);
      assert.deepEqual(
        await verifyArtifact({ repository, artifact: { ...artifact, archive }, identities }),
        verified,
      );
      const other = { ...artifact, archive: { ...archive, files: archive.files + 1 } };
      await failsWith(
        'ArtifactCorrupt',
        verifyArtifact({ repository, artifact: other, identities }),
        /manifest says/,
      );
    });
  }

  it('compares what is stored when nobody here may read it, and says so', async () => {
    const artifact = await store(dump, true);
    let checked = 0;
    const onProgress = (bytes: number) => {
      checked = bytes;
    };
    assert.deepEqual(await verifyArtifact({ repository, artifact, onProgress }), { depth: 'stored' });
    assert.equal(checked, artifact.stored.bytes);
    await flip(artifact);
    await failsWith('ChecksumMismatch', verifyArtifact({ repository, artifact }));
    await failsWith('DecryptionFailed', verifyArtifact({ repository, artifact, identities }));
  });

  it('notices a dump that was already cut or damaged when it was stored', async () => {
    const cut = await store(dump.subarray(0, -100), false);
    await failsWith('DumpIncomplete', verifyArtifact({ repository, artifact: cut }));
    const foreign = await store(Buffer.from('hello'), false);
    await failsWith('ArtifactCorrupt', verifyArtifact({ repository, artifact: foreign }));
  });

  it('stores nothing that its walk refuses', async () => {
    const key = 'sets/one/graph/refused.dump';
    const inspect = (content: Parameters<typeof walk>[1]) => walk('neo4j-dump', content);
    const source = chunked(dump.subarray(0, -1), 1000);
    const storing = storeArtifact({ source, repository, key, compression: 'none', encryption, inspect });
    await failsWith('DumpIncomplete', storing);
    assert.equal(await repository.head(key), null);
  });

  it('says that it is gone', async () => {
    const artifact = await store(dump, false);
    await repository.delete(artifact.path);
    await failsWith('KeyNotFound', verifyArtifact({ repository, artifact }));
  });
});

/** Changes its last byte but ten where it is stored. */
async function flip(artifact: Artifact): Promise<void> {
  const file = join(path, artifact.path);
  const bytes = await readFile(file);
  bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1;
  await writeFile(file, bytes);
}
