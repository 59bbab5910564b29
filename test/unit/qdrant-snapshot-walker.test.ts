import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { pack } from 'tar-stream';
import {
  type SnapshotWalk,
  walkingThrough,
  walkSnapshot,
} from '../../src/adapters/qdrant/snapshot-walker.ts';
import type { FailureType } from '../../src/model/failures.ts';
import { failsWith } from '../adapters/failure.ts';
import { recordedSnapshot } from '../testbed/qdrant/recording.ts';

const real = recordedSnapshot();

function walk(content: Buffer, piece = content.length): Promise<SnapshotWalk> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += piece) pieces.push(content.subarray(at, at + piece));
  return walkSnapshot(Readable.from(pieces, { objectMode: false }));
}

/** A tar of these files; a file that is a list is itself a tar of those, without the closing blocks. */
async function tar(files: Record<string, string | Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) {
    const body = typeof content === 'string' ? Buffer.from(content) : (await tar(content)).subarray(0, -1024);
    archive.entry({ name, size: body.length }, body);
  }
  archive.finalize();
  return buffer(archive);
}

const segment = { 'snapshot/files/segment.json': '{}', 'snapshot/files/version.info': '0.6' };
const whole = {
  '0/segments/a.tar': segment,
  '0/replica_state.json': '{"is_local":true}',
  'version.info': '0.4.2',
  'config.json': '{}',
};

function changed(offset: number, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(real);
  copy[offset] = change(copy[offset]!);
  return copy;
}

describe('walking through a Qdrant snapshot', () => {
  const expected = { files: 53, bytes: 186_781_188, shards: 1, version: '0.4.2' };

  it('counts what is in one that a real server wrote, sparse files and inner tars included', async () => {
    for (const piece of [real.length, 65_536, 1000, 7]) assert.deepEqual(await walk(real, piece), expected);
  });

  it('refuses one that is cut, wherever', async () => {
    const cuts = [1, 511, 512, 700, 60_928, 84_992, 85_504, 90_000, 97_280, 99_840, 100_864, 101_376];
    for (const cut of [...cuts, real.length - 1]) {
      await assert.rejects(walk(real.subarray(0, cut)), { name: 'LifeboatError' }, `cut at ${cut}`);
      const { message } = (await walk(real.subarray(0, cut)).catch(
        (error: Error) => error as Error,
      )) as Error;
      assert.match(message, /is not whole/, `cut at ${cut}`);
    }
  });

  it('refuses bits that flipped in its structure', async () => {
    const offsets: [number, FailureType][] = [
      [3, 'ArtifactCorrupt'], // the name of the first entry
      [512 + 124, 'ArtifactCorrupt'], // a size in a segment
      [84_992 + 156, 'ArtifactCorrupt'], // the type of a sparse file
      [84_992 + 390, 'ArtifactCorrupt'], // where its first piece is
      [97_280 + 512, 'ArtifactCorrupt'], // the first letter of config.json
      [101_000, 'ArtifactCorrupt'], // the closing blocks
    ];
    for (const [offset, type] of offsets)
      await failsWith(type, walk(changed(offset, (byte) => byte ^ 0x10)), /damaged/);
  });

  it('refuses garbage and what follows the end', async () => {
    await failsWith('ArtifactCorrupt', walk(Buffer.alloc(5000, 'garbage ')));
    await failsWith('SnapshotIncomplete', walk(Buffer.alloc(0)));
    await failsWith('SnapshotIncomplete', walk(Buffer.alloc(1024)), /config\.json is missing/);
    await failsWith('ArtifactCorrupt', walk(Buffer.concat([real, Buffer.from('x')])), /after the end/);
    assert.deepEqual(await walk(Buffer.concat([real, Buffer.alloc(9216)])), expected);
  });

  it('names what is missing', async () => {
    const { 'config.json': _config, ...noConfig } = whole;
    const { 'version.info': _version, ...noVersion } = whole;
    const { '0/segments/a.tar': _segment, ...noSegment } = whole;
    assert.deepEqual(await walk(await tar(whole)), { files: 5, bytes: 29, shards: 1, version: '0.4.2' });
    await failsWith('SnapshotIncomplete', walk(await tar(noConfig)), /config\.json is missing/);
    await failsWith('SnapshotIncomplete', walk(await tar(noVersion)), /version\.info is missing/);
    await failsWith('SnapshotIncomplete', walk(await tar(noSegment)), /segments of shard 0 are missing/);
    const remote = { ...noSegment, '0/replica_state.json': '{"is_local":false}' };
    await failsWith('SnapshotIncomplete', walk(await tar(remote)), /no shard with segments/);
    const bare = { ...whole, '0/segments/a.tar': { 'snapshot/files/version.info': '1' } };
    await failsWith('SnapshotIncomplete', walk(await tar(bare)), /no segment\.json/);
  });

  it('accepts a collection with sharding of its own that has no shard key yet, and no other one without shards', async () => {
    const empty = { 'version.info': '0.4.2', 'shard_key_mapping.json': '[]' };
    const custom = { ...empty, 'config.json': '{"params":{"sharding_method":"custom"}}' };
    assert.equal((await walk(await tar(custom))).shards, 0);
    const auto = { ...empty, 'config.json': '{"params":{"sharding_method":"auto"}}' };
    await failsWith('SnapshotIncomplete', walk(await tar(auto)), /no shard with segments/);
    const remote = { ...custom, '0/replica_state.json': '{"is_local":false}' };
    await failsWith('SnapshotIncomplete', walk(await tar(remote)), /no shard with segments/);
  });

  it('accepts shards that another node of a cluster holds', async () => {
    const cluster = { ...whole, '1/replica_state.json': '{"is_local":false}', '1/shard_config.json': '{}' };
    assert.equal((await walk(await tar(cluster))).shards, 1);
  });

  it('refuses entries that would leave the folder, outside and inside of segments', async () => {
    for (const name of ['../evil', '/etc/passwd', '0/../../evil'])
      await failsWith('ArtifactCorrupt', walk(await tar({ [name]: 'x', ...whole })), /outside/);
    const inner = { ...whole, '0/segments/a.tar': { '../../evil': 'x', ...segment } };
    await failsWith('ArtifactCorrupt', walk(await tar(inner)), /outside/);
  });

  it('refuses files that no disk could hold together', async () => {
    // A sparse file says what it unpacks to: as a binary number, as large as a number can be counted with.
    const huge = Buffer.from(real);
    const sparse = huge.subarray(84_992, 85_504);
    const size = Buffer.alloc(12);
    size[0] = 0x80;
    size.writeBigUInt64BE(BigInt(Number.MAX_SAFE_INTEGER), 4);
    size.copy(sparse, 483);
    sparse.fill(' ', 148, 156);
    const sum = sparse.reduce((total, byte) => total + byte, 0);
    sparse.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await failsWith('ArtifactCorrupt', walk(huge), /implausibly large/);
  });

  it('refuses links', async () => {
    const archive = pack();
    archive.entry({ name: '0/segments/a.tar', type: 'symlink', linkname: '/etc/passwd' });
    archive.finalize();
    await failsWith('ArtifactCorrupt', walk(await buffer(archive)), /neither a file nor a folder/);
  });

  it('lets the bytes through unchanged, and breaks the stream when they are wrong', async () => {
    const good = walkingThrough();
    const source = (content: Buffer): Readable => Readable.from([content], { objectMode: false });
    assert.deepEqual(await buffer(source(real).pipe(good.through)), real);
    assert.deepEqual(await good.walked, expected);
    for (const bad of [real.subarray(0, 90_000), changed(3, (byte) => byte ^ 1)]) {
      const { through, walked } = walkingThrough();
      await assert.rejects(buffer(source(bad).pipe(through)), { name: 'LifeboatError' });
      await assert.rejects(walked, { name: 'LifeboatError' });
    }
  });
});
