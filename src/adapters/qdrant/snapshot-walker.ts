import { PassThrough, type Readable, Transform } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';
import { ByteSource } from '../tar/byte-source.ts';
import { type TarEntry, TarProblem, tarEntries } from '../tar/tar-entries.ts';
import { hasCustomSharding } from './custom-sharding.ts';

/** What a snapshot file holds. */
export interface SnapshotWalk {
  /** Files, with those in the segments instead of the segments' own tars. */
  files: number;
  /** Bytes that they unpack to, holes included. */
  bytes: number;
  /** Shards that have points in it; in a cluster those of one node. */
  shards: number;
  /** The version of the collection's layout as its `version.info` says. */
  version: string;
}

interface Seen {
  files: number;
  bytes: number;
  version?: string;
  config: boolean;
  /** It has shards only from when somebody has made a shard key on. */
  custom: boolean;
  /** By shard: how many segments it has, and whether its state says that this node holds it. */
  shards: Map<string, { segments: number; local: boolean }>;
}

/** More shards than this has no collection; a hostile archive could name one a header. */
const MOST_SHARDS = 100_000;

/** Small files are read whole up to this size (bytes); a `config.json` is under a kilobyte. */
const SMALL = 4 * 1024 * 1024;

/**
 * Walk a collection's snapshot from its first byte to its last, its segments too, in one pass and without a server: nothing is unpacked and
 * nothing held but one block. What a tar has no checksum for, the contents of files, only the artifact's sha256 can vouch for.
 * @param source is read to its end, or destroyed when the snapshot is found wanting.
 * @throws {LifeboatError} `SnapshotIncomplete` when it is cut short or lacks what every snapshot has, `ArtifactCorrupt` when it is no
 * snapshot, damaged, or has entries that would leave the folder that it is unpacked into.
 */
export async function walkSnapshot(source: Readable): Promise<SnapshotWalk> {
  const seen: Seen = { files: 0, bytes: 0, config: false, custom: false, shards: new Map() };
  try {
    for await (const entry of tarEntries(new ByteSource(source), true)) await look(entry, seen);
  } catch (error) {
    if (!(error instanceof TarProblem)) throw error;
    throw problem(error.kind === 'cut' ? 'SnapshotIncomplete' : 'ArtifactCorrupt', error.message, error);
  } finally {
    source.destroy();
  }
  const shards = [...seen.shards].filter(([, shard]) => shard.segments > 0).length;
  const lost = [...seen.shards].find(([, shard]) => shard.local && shard.segments === 0);
  if (!seen.config) throw problem('SnapshotIncomplete', 'config.json is missing');
  if (seen.version === undefined) throw problem('SnapshotIncomplete', 'version.info is missing');
  if (lost) throw problem('SnapshotIncomplete', `the segments of shard ${lost[0]} are missing`);
  if (shards === 0 && !(seen.custom && seen.shards.size === 0))
    throw problem('SnapshotIncomplete', 'it has no shard with segments');
  return { files: seen.files, bytes: seen.bytes, shards, version: seen.version };
}

/**
 * A stream that lets a snapshot through unchanged while it is walked; it fails as soon as the walk does, and it ends only when
 * the walk has found it whole. `walked` then has the answer.
 */
export function walkingThrough(): { through: Transform; walked: Promise<SnapshotWalk> } {
  const copy = new PassThrough();
  const walked = walkSnapshot(copy);
  const through = new Transform({
    transform(chunk, _encoding, done) {
      if (copy.write(chunk) || copy.destroyed) done(null, chunk);
      else copy.once('drain', () => done(null, chunk));
    },
    flush(done) {
      copy.end();
      walked.then(() => done(), done);
    },
    destroy(error, done) {
      copy.destroy(error ?? undefined);
      done(error);
    },
  });
  walked.catch((error) => through.destroy(error));
  return { through, walked };
}

async function look(entry: TarEntry, seen: Seen): Promise<void> {
  requireInside(entry);
  if (entry.kind === 'directory') return;
  const [, shard, rest] = /^(\d+)\/(.+)$/.exec(entry.name) ?? [];
  if (shard === undefined) {
    count(entry, seen);
    if (entry.name === 'config.json') {
      seen.custom = hasCustomSharding(await json(entry));
      seen.config = true;
    }
    if (entry.name === 'version.info') seen.version = (await text(entry)).trim();
    return;
  }
  const known = seen.shards.get(shard) ?? { segments: 0, local: false };
  seen.shards.set(shard, known);
  if (seen.shards.size > MOST_SHARDS)
    throw problem('ArtifactCorrupt', `it has more than ${MOST_SHARDS} shards`);
  if (rest?.startsWith('segments/')) {
    known.segments++;
    if (rest.endsWith('.tar')) return await walkSegment(entry, seen);
  }
  count(entry, seen);
  if (rest === 'replica_state.json')
    known.local = ((await json(entry)) as { is_local?: unknown } | null)?.is_local === true;
  if (rest === 'shard_config.json') await json(entry);
}

async function walkSegment(segment: TarEntry, seen: Seen): Promise<void> {
  let state = false;
  let files = 0;
  for await (const entry of tarEntries(new ByteSource(segment.body), false)) {
    requireInside(entry);
    if (entry.kind === 'directory') continue;
    files++;
    count(entry, seen);
    if (entry.name.endsWith('/segment.json')) {
      await json(entry);
      state = true;
    }
  }
  if (files === 0) throw problem('SnapshotIncomplete', `the segment ${segment.name} is empty`);
  if (!state) throw problem('SnapshotIncomplete', `the segment ${segment.name} has no segment.json`);
}

function count(entry: TarEntry, seen: Seen): void {
  seen.files++;
  seen.bytes += entry.size;
  if (!Number.isSafeInteger(seen.bytes))
    throw problem('ArtifactCorrupt', `its ${entry.name} is implausibly large`);
}

/** Only plain files and folders below the folder that a snapshot is unpacked into. */
function requireInside(entry: TarEntry): void {
  const outside = entry.name.startsWith('/') || entry.name.split('/').includes('..');
  if (outside || entry.name === '' || entry.name.includes('\0'))
    throw problem(
      'ArtifactCorrupt',
      `its entry ${JSON.stringify(entry.name)} would be unpacked outside of it`,
    );
  if (entry.kind === 'other')
    throw problem(
      'ArtifactCorrupt',
      `its entry ${JSON.stringify(entry.name)} is neither a file nor a folder`,
    );
}

async function text(entry: TarEntry): Promise<string> {
  if (entry.stored > SMALL) throw problem('ArtifactCorrupt', `its ${entry.name} is implausibly large`);
  const pieces: Buffer[] = [];
  for await (const piece of entry.body) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

async function json(entry: TarEntry): Promise<unknown> {
  const found = await text(entry);
  try {
    return JSON.parse(found);
  } catch (cause) {
    throw problem('ArtifactCorrupt', `its ${entry.name} is not JSON`, cause);
  }
}

function problem(
  type: 'ArtifactCorrupt' | 'SnapshotIncomplete',
  reason: string,
  cause?: unknown,
): LifeboatError {
  const what = type === 'ArtifactCorrupt' ? 'is damaged or no snapshot at all' : 'is not whole';
  return new LifeboatError(
    type,
    `The Qdrant snapshot ${what}: ${reason}. Take it again, or use another copy of the set.`,
    cause === undefined ? {} : { cause },
  );
}
