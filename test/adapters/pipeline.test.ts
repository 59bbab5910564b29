// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { newSeal } from '../../src/adapters/pipeline/age.ts';
import { inspection } from '../../src/adapters/pipeline/inspection.ts';
import { readArtifact } from '../../src/adapters/pipeline/read-artifact.ts';
import { type StoredArtifact, storeArtifact } from '../../src/adapters/pipeline/store-artifact.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { Secret } from '../../src/config/secret.ts';
import type { Artifact } from '../../src/model/manifest.ts';
import { ensurePackages } from '../testbed/debian.ts';
import { silently } from '../testbed/progress.ts';
import { failsWith } from './failure.ts';
import { chunked, keys } from './repository-contract.ts';

const base = await mkdtemp(join(tmpdir(), 'lifeboat-pipeline-'));
const path = join(base, 'repository');
const repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
const identity = await generateX25519Identity();
const identityFile = join(base, 'identity');
const encryption = { recipients: [await identityToRecipient(identity)] };
const identities = [new Secret(identity)];
/** Compresses to about half. */
const content = Buffer.from(randomBytes(1_500_000).toString('hex'));
const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  await ensurePackages(['age', 'zstd'], silently);
  execFileSync('mkdir', [path]);
  await writeFile(identityFile, identity);
});
after(() => rm(base, { recursive: true, force: true }));

let count = 0;
const nextKey = () => {
  count += 1;
  return `sets/one/service/artifact-${count}`;
};

async function store(
  how: Partial<Pick<Artifact, 'compression' | 'encryption'>>,
  bytes = content,
): Promise<{ artifact: Artifact; file: string; done: StoredArtifact<unknown> }> {
  const key = nextKey();
  const { compression = 'none' } = how;
  const encrypted = how.encryption === 'age' ? { encryption } : {};
  const done = await storeArtifact({
    source: chunked(bytes, 300_000),
    repository,
    key,
    compression,
    ...encrypted,
  });
  return { artifact: artifactOf(key, how, done), file: join(path, key), done };
}

function artifactOf(
  key: string,
  how: Partial<Pick<Artifact, 'compression' | 'encryption'>>,
  { content, stored }: Pick<Artifact, 'content' | 'stored'>,
): Artifact {
  return {
    service: 'service',
    kind: 'qdrant-snapshot',
    name: 'one',
    path: key,
    content,
    stored,
    compression: 'none',
    encryption: 'none',
    capturedAt: '2026-11-23T00:00:00Z',
    ...how,
  };
}

describe('storing an artifact', () => {
  for (const compression of ['none', 'zstd'] as const) {
    for (const encryption of ['none', 'age'] as const) {
      it(`with compression ${compression} and encryption ${encryption} can be undone by stock programs and by us`, async () => {
        const { artifact, file, done } = await store({ compression, encryption });
        assert.deepEqual(done.content, { bytes: content.length, sha256: sum(content) });
        const bytes = await readFile(file);
        assert.deepEqual(done.stored, { bytes: bytes.length, sha256: sum(bytes) });
        const commands = [
          ...(encryption === 'age' ? [`age -d -i ${identityFile}`] : ['cat']),
          ...(compression === 'zstd' ? ['zstd -d'] : ['cat']),
        ].join(' | ');
        const byHand = execFileSync('bash', ['-o', 'pipefail', '-c', `< ${file} ${commands}`], {
          maxBuffer: 2 ** 30,
        });
        assert.ok(byHand.equals(content));
        assert.ok((await buffer(await readArtifact({ repository, artifact, identities }))).equals(content));
      });
    }
  }

  it('gives the same bytes again for the same content and seal, however they come', async () => {
    const seal = await newSeal(encryption);
    const sums = new Set<string>();
    for (const size of [65_536, 300_000, 1_000_001]) {
      const job = { repository, key: nextKey(), compression: 'zstd', encryption, seal } as const;
      sums.add((await storeArtifact({ ...job, source: chunked(content, size) })).stored.sha256);
    }
    assert.equal(sums.size, 1);
    assert.ok(!sums.has((await store({ compression: 'zstd', encryption: 'age' })).done.stored.sha256));
    const broken = { seal: new Secret('x'), source: chunked(content, 1000), key: nextKey() };
    await failsWith(
      'InvalidInput',
      storeArtifact({ repository, compression: 'none', encryption, ...broken }),
    );
  });

  it('tells the bytes that it took', async () => {
    const seen: number[] = [];
    const source = chunked(content, 1_000_000);
    const onProgress = (bytes: number) => seen.push(bytes);
    await storeArtifact({ source, repository, key: nextKey(), compression: 'zstd', onProgress });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(seen.at(-1), content.length);
  });

  it('shows the content to an inspection on its way', async () => {
    const done = await storeArtifact({
      source: chunked(content, 10_000),
      repository,
      key: nextKey(),
      compression: 'zstd',
      encryption,
      inspect: async (stream) => sum(await buffer(stream)),
    });
    assert.equal(done.inspected, sum(content));
  });

  it('hands a chunk on while it is still inspected', { timeout: 30_000 }, async () => {
    const handedOn = Promise.withResolvers<void>();
    const stage = inspection(async (stream) => {
      await handedOn.promise;
      return (await buffer(stream)).length;
    });
    for await (const _ of stage(Readable.from([Buffer.alloc(5_000_000)]))) handedOn.resolve();
    assert.equal(await stage.result(), 5_000_000);
  });

  it('waits for an inspection with the same listeners, however many chunks pass', async () => {
    const stage = inspection(async (stream) => {
      for await (const _ of stream) await setImmediate();
      return stream.listenerCount('close');
    });
    for await (const _ of stage(Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(1_000_000)))));
    assert.ok((await stage.result()) < 10, `${await stage.result()} listeners`);
  });

  it('goes on when an inspection has seen enough', async () => {
    const done = await storeArtifact({
      source: chunked(content, 10_000),
      repository,
      key: nextKey(),
      compression: 'none',
      inspect: async (stream) => {
        for await (const chunk of stream) return (chunk as Buffer).length;
        return 0;
      },
    });
    assert.ok((done.inspected ?? 0) > 0);
    assert.equal(done.content.sha256, sum(content));
  });

  it('goes on when an inspection answers without reading', async () => {
    const inspect = async () => 'seen';
    const source = chunked(content, 1_000_000);
    const done = await storeArtifact({ source, repository, key: nextKey(), compression: 'none', inspect });
    assert.equal(done.inspected, 'seen');
  });

  for (const when of ['at once', 'in the middle', 'at the end'] as const) {
    it(`stores nothing when an inspection fails ${when}`, async () => {
      const key = nextKey();
      const inspect = async (stream: Readable) => {
        if (when !== 'at once') {
          let bytes = 0;
          for await (const chunk of stream) {
            bytes += (chunk as Buffer).length;
            if (when === 'in the middle' && bytes > 1_000_000) break;
          }
        }
        throw new Error('not what it should be');
      };
      const source = chunked(content, 100_000);
      const failed = storeArtifact({ source, repository, key, compression: 'zstd', encryption, inspect });
      await assert.rejects(failed, { message: 'not what it should be' });
      assert.equal(await repository.head(key), null);
      assert.ok(source.destroyed);
    });
  }

  it('stores nothing when the source breaks, and tells its error, not the inspection’s', async () => {
    const key = nextKey();
    const source = Readable.from(
      (async function* () {
        yield content;
        throw new Error('the line was cut');
      })(),
    );
    const inspect = async (stream: Readable) => (await buffer(stream)).length;
    const failed = storeArtifact({ source, repository, key, compression: 'zstd', encryption, inspect });
    await assert.rejects(failed, { message: 'the line was cut' });
    assert.equal(await repository.head(key), null);
  });

  it('tells the repository’s error', async () => {
    const { artifact } = await store({});
    const source = chunked(content, 100_000);
    const again = storeArtifact({ source, repository, key: artifact.path, compression: 'zstd', encryption });
    await failsWith('KeyExists', again);
    assert.ok(source.destroyed);
  });

  it('ends when it is cancelled', async () => {
    const key = nextKey();
    const cancel = new AbortController();
    const source = new Readable({
      read() {
        this.push(randomBytes(100_000));
      },
    });
    let bytes = 0;
    const onProgress = (progress: number) => {
      bytes = progress;
      if (bytes > 1_000_000) cancel.abort();
    };
    const { signal } = cancel;
    const job = { source, repository, key, compression: 'zstd', encryption, signal, onProgress } as const;
    await assert.rejects(storeArtifact(job), { name: 'AbortError' });
    assert.equal(await repository.head(key), null);
    assert.ok(source.destroyed);
  });

  it('leaves no temporary file behind', async () => {
    assert.deepEqual(
      (await readdir(join(path, 'sets/one/service'))).filter((name) => name.startsWith('.')),
      [],
    );
    assert.ok((await keys(repository, '')).length > 0);
  });
});

describe('reading an artifact back', () => {
  for (const compression of ['none', 'zstd'] as const) {
    for (const encryption of ['none', 'age'] as const) {
      const how = { compression, encryption };
      it(`with ${compression} and ${encryption} notices a changed byte, a cut and added bytes`, async () => {
        for (const change of [
          flip(0.5),
          flip(0.999),
          flip(0.01),
          cut(10),
          cut(1_000_000),
          add(1),
          add(100_000),
        ]) {
          const { artifact, file } = await store(how);
          await change(file);
          const read = readArtifact({ repository, artifact, identities }).then(buffer);
          const error = await read.then(
            () => assert.fail('It was taken for whole.'),
            (error: { type: string; message: string }) => error,
          );
          assert.ok(
            ['ChecksumMismatch', 'ArtifactCorrupt', 'DecryptionFailed'].includes(error.type),
            error.message,
          );
          assert.match(error.message, new RegExp(artifact.path));
        }
      });
    }
  }

  it('notices that the manifest speaks of other content', async () => {
    const { artifact } = await store({ compression: 'zstd' });
    const other = { ...artifact, content: { ...artifact.content, sha256: '0'.repeat(64) } };
    const read = async (one: Artifact) => await buffer(await readArtifact({ repository, artifact: one }));
    await failsWith('ChecksumMismatch', read(other), /its content/);
    const shorter = { ...artifact, stored: { ...artifact.stored, sha256: '0'.repeat(64) } };
    await failsWith('ChecksumMismatch', read(shorter), /what is stored/);
  });

  it('never unpacks more than the manifest says', async () => {
    const { artifact } = await store({ compression: 'zstd' }, Buffer.alloc(100 * 1024 * 1024));
    assert.ok(artifact.stored.bytes < 100_000);
    const lying = { ...artifact, content: { ...artifact.content, bytes: 1000 } };
    let bytes = 0;
    const read = async () => {
      for await (const chunk of await readArtifact({ repository, artifact: lying })) bytes += chunk.length;
    };
    await failsWith('ArtifactCorrupt', read(), /more than the 1000/);
    assert.equal(bytes, 0);
  });

  it('says that it is gone', async () => {
    const { artifact } = await store({});
    await repository.delete(artifact.path);
    await failsWith('KeyNotFound', readArtifact({ repository, artifact }));
  });

  it('frees its file when nobody reads it to the end', async () => {
    const { artifact } = await store({ compression: 'zstd', encryption: 'age' });
    const before = await openFiles();
    for (let i = 0; i < 5; i += 1) {
      const stream = await readArtifact({ repository, artifact, identities });
      if (i % 2 === 0) await new Promise((done) => stream.once('data', done));
      await new Promise((done) => stream.destroy().once('close', done));
    }
    // Files are closed by other threads.
    for (let i = 0; i < 1000 && (await openFiles()) > before; i += 1) await setImmediate();
    assert.equal(await openFiles(), before);
  });
});

/** Files of the repository that this process has open. */
async function openFiles(): Promise<number> {
  const links = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(links.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(path)).length;
}

type Change = (file: string) => Promise<void>;

const flip =
  (where: number): Change =>
  async (file) => {
    const bytes = await readFile(file);
    const at = Math.floor(bytes.length * where);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
  };

const cut =
  (bytes: number): Change =>
  async (file) => {
    const handle = await open(file, 'r+');
    await handle.truncate((await handle.stat()).size - bytes);
    await handle.close();
  };

const add =
  (bytes: number): Change =>
  async (file) => {
    await writeFile(file, randomBytes(bytes), { flag: 'a' });
  };
