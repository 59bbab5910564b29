// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { judgeTombstones } from '../../src/activities/retention.ts';
import { walkDump } from '../../src/adapters/neo4j/dump-walker.ts';
import { readWalked } from '../../src/adapters/pipeline/read-walked.ts';
import { verifyArtifact } from '../../src/adapters/pipeline/verify-artifact.ts';
import { listSets, lookAtSets, readManifest } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { deleteSet, orphans, writeHold, writeVerdict } from '../../src/adapters/repository/set-marks.ts';
import type { Artifact } from '../../src/model/manifest.ts';
import { KEYS } from '../../src/model/names.ts';
import { sampleManifest, sampleSets, writeObjects } from '../testbed/sample-sets.ts';
import { failsWith } from './failure.ts';

const base = await mkdtemp(join(tmpdir(), 'lifeboat-hostile-'));
after(() => rm(base, { recursive: true, force: true }));

const SET = '20261101T030000Z-aaaaaa';
const MIB = 1024 * 1024;
let root: string;
let repository: DirectoryRepository;
beforeEach(async () => {
  root = await mkdtemp(join(base, 'repository-'));
  repository = new DirectoryRepository({ kind: 'directory', name: 'local', path: root });
});

async function lay(key: string, text: string | Buffer): Promise<void> {
  await mkdir(dirname(join(root, key)), { recursive: true });
  await writeFile(join(root, key), text);
}

describe('a folder with what does not belong there', () => {
  it('waits for no pipe and reads no device, link or folder', async () => {
    await lay(KEYS.manifest(SET), '{}');
    const outside = join(base, 'secret');
    await writeFile(outside, 'secret');
    await mkdir(join(root, 'sets/x/y'), { recursive: true });
    execFileSync('mkfifo', [join(root, 'sets/x/y/pipe')]);
    await symlink(outside, join(root, 'sets/x/y/link'));
    await symlink('/dev/zero', join(root, 'sets/x/y/zeros'));
    await symlink(base, join(root, 'sets/x/elsewhere'));
    await mkdir(join(root, 'sets/x/y/folder'));
    for (const key of ['y/pipe', 'y/link', 'y/zeros', 'elsewhere/secret', 'y/folder']) {
      await failsWith(
        'RepositoryAccessDenied',
        repository.get(`sets/x/${key}`),
        /something stands in the way/,
      );
    }
    await failsWith('RepositoryAccessDenied', repository.delete('sets/x/elsewhere/secret'));
    await failsWith('RepositoryAccessDenied', repository.put('sets/x/elsewhere/new', Readable.from(['x'])));
    assert.deepEqual(await keysBelow('sets/x/'), []);
    assert.deepEqual(await keysBelow('sets/x/elsewhere/'), []);
  });

  it('shows no key that Lifeboat would not write, and deletes none', async () => {
    await writeObjects(root, sampleSets(1, new Date('2026-11-01T03:00:00Z'), 1));
    const [entry] = await listSets(repository);
    const set = entry?.set ?? '';
    const evil = '\u001b[2J<script>';
    await lay(`manifests/${evil}.json`, '{}');
    await lay(`manifests/--help.json`, '{}');
    await lay(`verdicts/${set}/2026-11-02T00-00-00-000Z.drill.${evil}.json`, '{}');
    await lay(`sets/${set}/graph/${evil}`, 'x');
    const listed = await listSets(repository);
    assert.deepEqual(
      listed.map((one) => [one.set, one.verdicts.map(({ verdict }) => verdict)]),
      [[set, ['ok']]],
    );
    const { locked } = await deleteSet(repository, set, { time: new Date(), reason: 'a test' });
    assert.deepEqual(locked, []);
    assert.deepEqual(await readdir(join(root, `sets/${set}/graph`)), [evil]);
    assert.deepEqual(await listSets(repository, { tombstoned: true }), []);
    assert.deepEqual(await orphans(repository, 0, new Date()), []);
  });
});

describe('documents that would fill memory', () => {
  it('are refused by a process with little of it, which goes on with the good ones', {
    timeout: 240_000,
  }, async () => {
    const text = JSON.stringify(sampleManifest(SET, new Date('2026-11-01T03:00:00Z')));
    const wide = `{"x":[${'{},'.repeat(10 * MIB)}{}]}`;
    const faults = text.replace('"artifacts":[', `"artifacts":[${'[],'.repeat(1_900_000)}`);
    const hostile = {
      deep: '['.repeat(30 * MIB),
      wide,
      faults,
      long: text.replace('5.26.0', 'x'.repeat(30 * MIB)),
      large: ' '.repeat(40 * MIB),
      keys: `{${Array.from({ length: 1_500_000 }, (_, at) => `"${at}":1`).join(',')}}`,
    };
    for (const [name, bad] of Object.entries(hostile)) {
      for (const again of [1, 2, 3]) await lay(KEYS.manifest(`20261101T0300${again}0Z-${name}`), bad);
    }
    await lay(KEYS.manifest(SET), text);
    const child = fork(fileURLToPath(new URL('look-at-repository.ts', import.meta.url)), [root], {
      execArgv: ['--max-old-space-size=384'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const exit = once(child, 'exit');
    let told:
      | { problems: (string | null)[]; unreadable: number; error?: string; peakBytes: number }
      | undefined;
    child.on('message', (message) => {
      told = message as typeof told;
    });
    assert.deepEqual(await exit, [0, null]);
    assert.ok(told);
    assert.equal(told.problems.filter((problem) => problem === null).length, 1);
    assert.equal(told.unreadable, 18);
    assert.equal(told.error, undefined);
    for (const problem of told.problems) assert.ok((problem ?? '').length < 1200);
    assert.ok(told.peakBytes < 1024 * MIB, `${Math.round(told.peakBytes / MIB)} MiB`);
  });

  it('are refused by their size before they are read whole', async () => {
    await lay(KEYS.manifest(SET), Buffer.alloc(33 * MIB, 0x20));
    await failsWith('ManifestInvalid', readManifest(repository, SET), /not read/);
    assert.equal((await lookAtSets(repository, {}, ({ set }) => set)).length, 1);
  });
});

describe('artifacts that are more than they seem', () => {
  it('end where a dump promises less than it holds, without unpacking the rest', async () => {
    const dump = dumpOf(await tarOf([{ name: 'bomb', bytes: 512 * MIB }]), { files: 1n, bytes: 1000n });
    assert.ok(dump.length < MIB);
    await failsWith('ArtifactCorrupt', walkDump(Readable.from([dump])), /holds more/);
    const honest = dumpOf(await tarOf([{ name: 'a', bytes: 2000 }]), { files: 1n, bytes: 2000n });
    assert.equal((await walkDump(Readable.from([honest]))).bytes, 2000);
    await failsWith('ArtifactCorrupt', walkDump(Readable.from([honest]), { mostBytes: 1999 }), /holds more/);
  });

  for (const [what, pax] of [
    ['a name without end', Buffer.concat([header('x', 8n ** 11n - 1n), Buffer.alloc(64 * MIB, 0x61)])],
    ['a long name without end', Buffer.concat([header('L', 8n ** 11n - 1n), Buffer.alloc(64 * MIB, 0x61)])],
  ] as const) {
    it(`hold ${what} in no memory`, async () => {
      for (const packed of [dumpOf(pax, { files: 1n, bytes: 1n }), gzipSync(pax)]) {
        await failsWith('ArtifactCorrupt', walkDump(Readable.from([packed])), /name of an entry is too long/);
      }
    });
  }

  it('are refused on their way into a database', async () => {
    for (const entry of [
      { name: '../outside', bytes: 1 },
      { name: 'a/../../outside', bytes: 1 },
      { name: '/etc/passwd', bytes: 1 },
      { name: 'link', type: 'symlink' as const, linkname: '/etc/passwd' },
      { name: 'hard', type: 'link' as const, linkname: 'neo4j' },
      { name: 'device', type: 'character-device' as const },
      { name: 'pipe', type: 'fifo' as const },
    ]) {
      const dump = dumpOf(await tarOf([{ name: 'good', bytes: 10 }, entry]), { files: 2n, bytes: 11n });
      const artifact = await stored('graph.dump', dump);
      await failsWith('ArtifactCorrupt', buffer(await readWalked({ repository, artifact })));
    }
  });

  it('may not unpack to more than the manifest says, or, where it says nothing, than there is room for', async () => {
    const dump = dumpOf(await tarOf([{ name: 'a', bytes: 5000 }]), { files: 1n, bytes: 5000n });
    const artifact = await stored('graph.dump', dump);
    const archive = { files: 1, bytes: 5000 };
    assert.ok((await buffer(await readWalked({ repository, artifact }, 5000))).equals(dump));
    assert.ok(
      (await buffer(await readWalked({ repository, artifact: { ...artifact, archive } }))).equals(dump),
    );
    await failsWith('ArtifactCorrupt', buffer(await readWalked({ repository, artifact }, 4999)));
    const less = { ...artifact, archive: { files: 1, bytes: 4999 } };
    await failsWith('ArtifactCorrupt', buffer(await readWalked({ repository, artifact: less })));
    await failsWith('ArtifactCorrupt', verifyArtifact({ repository, artifact: less }));
  });

  it('that are compressed end at the first byte too many', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(256 * MIB));
    const artifact: Artifact = {
      ...(await stored('bomb.zst', bomb)),
      kind: 'qdrant-snapshot',
      compression: 'zstd',
      content: { bytes: 1000, sha256: 'a'.repeat(64) },
    };
    await failsWith(
      'ArtifactCorrupt',
      verifyArtifact({ repository, artifact }),
      /more than the 1000 bytes of content/,
    );
  });
});

describe('tombstones of somebody who may only add', () => {
  const now = new Date('2026-11-30T00:00:00Z');
  const policy = { keepLast: 2, minimum: 1, timezone: 'UTC' };
  const facts = (id: string, createdAt: string) =>
    ({ id, createdAt, services: ['graph'], state: 'complete', bytes: 1 }) as const;
  const seen = (days: string[], tombstoned: string[]) =>
    days.map((day) => {
      const set = `202611${day}T000000Z-aaaaaa`;
      return { set, tombstoned: tombstoned.includes(day), facts: facts(set, `2026-11-${day}T00:00:00Z`) };
    });
  const id = (day: string) => `202611${day}T000000Z-aaaaaa`;

  it('delete nothing that retention would keep', () => {
    const marks = ['27', '28', '29'].map(id);
    const { unfinished, contested } = judgeTombstones(
      marks,
      seen(['27', '28', '29'], ['27', '28', '29']),
      policy,
      now,
    );
    assert.deepEqual(unfinished, [id('27')]);
    assert.deepEqual(contested, [id('28'), id('29')]);
  });

  it('delete nothing of a run that is under way', () => {
    const marks = [id('29'), id('20')];
    assert.deepEqual(judgeTombstones(marks, [], policy, now), {
      unfinished: [id('20')],
      contested: [id('29')],
    });
    assert.deepEqual(judgeTombstones(['nonsense'], [], policy, now).unfinished, []);
  });

  it('of a set whose manifest can not be read wait for a person', () => {
    const broken = [{ set: id('20'), tombstoned: true, facts: undefined }];
    assert.deepEqual(judgeTombstones([id('20')], broken, policy, now).contested, [id('20')]);
  });
});

describe('marks with other words', () => {
  it('are read by their keys alone', async () => {
    await lay(KEYS.manifest(SET), JSON.stringify(sampleManifest(SET, new Date('2026-11-01T03:00:00Z'))));
    await writeHold(repository, SET, { time: new Date(0), by: '\u001b[2J', reason: '<script>' });
    await writeVerdict(repository, SET, { kind: 'drill', verdict: 'ok', time: new Date(1), findings: {} });
    await lay(`holds/${SET}/zzz.hold.json`, '['.repeat(MIB));
    const [entry] = await listSets(repository);
    assert.equal(entry?.held, true);
  });
});

async function keysBelow(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of repository.list(prefix)) found.push(key);
  return found;
}

async function stored(name: string, bytes: Buffer): Promise<Artifact> {
  const path = `sets/${SET}/graph/${name}`;
  await lay(path, bytes);
  const measured = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  return {
    service: 'graph',
    kind: 'neo4j-dump',
    name: 'neo4j',
    path,
    stored: measured,
    content: measured,
    compression: 'none',
    encryption: 'none',
    capturedAt: '2026-11-01T03:00:00Z',
  };
}

interface Entry {
  name: string;
  bytes?: number;
  type?: 'symlink' | 'link' | 'character-device' | 'fifo';
  linkname?: string;
}

async function tarOf(entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { bytes, ...entry } of entries) {
    if (bytes === undefined) archive.entry(entry);
    else archive.entry(entry, Buffer.alloc(bytes));
  }
  archive.finalize();
  return await buffer(archive);
}

/** As neo4j-admin seals it, with what its header promises. */
function dumpOf(tar: Buffer, promised: { files: bigint; bytes: bigint }): Buffer {
  const head = Buffer.alloc(24);
  head.write('zstd', 'latin1');
  head.writeInt32BE(1, 4);
  head.writeBigInt64BE(promised.files, 8);
  head.writeBigInt64BE(promised.bytes, 16);
  return Buffer.concat([Buffer.from('DZV1'), zstdCompressSync(Buffer.concat([head, tar]))]);
}

/** The header of an entry of this type that says to be so long. */
function header(type: string, bytes: bigint): Buffer {
  const block = Buffer.alloc(512);
  block.write('name', 'latin1');
  block.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
