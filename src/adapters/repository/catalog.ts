import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import {
  keyWord,
  MANIFEST_MAX_BYTES,
  type Manifest,
  parseManifest,
  repositoryKey,
} from '../../model/manifest.ts';
import { KEYS } from '../../model/names.ts';
import type { Repository, StoredObject } from './repository.ts';

/** How many manifests are read at the same time. */
const READERS = 8;

/** A manifest above this (bytes) is read and parsed while no other such one is: so memory holds one of the largest, however many there are. */
const LARGE_BYTES = 1024 * 1024;
const large = pLimit(1);

/** More objects of one kind are not listed: ten thousand sets have a tenth of it, and every name of a listing is in memory. */
const MOST_KEYS = 1_000_000;

/** What `verify` or `drill` once found; the key says it all. */
export interface VerdictMark {
  kind: string;
  verdict: string;
  /** As in the key: an ISO time with `-` for `:` and `.`. */
  time: string;
}

/** What the keys of a repository tell of one set, without reading any object. */
export interface SetEntry {
  set: string;
  /** The size of its manifest in bytes. */
  manifestBytes: number;
  /** Oldest first. */
  verdicts: VerdictMark[];
  /** A hold that was not released. */
  held: boolean;
  /** Its removal was decided: it is no longer offered, whatever is still there of it. */
  tombstoned: boolean;
}

/** A set with what its manifest says, or why its manifest can't be read. */
export type SetDetails = SetEntry & ({ manifest: Manifest } | { problem: LifeboatError });

export interface ListOptions {
  /** Only so many. Default: all. */
  limit?: number;
  /** Only sets whose id sorts before this one: the id that the last page ended with. */
  before?: string;
  /** Also those that were given up for removal. Default false. */
  tombstoned?: boolean;
  signal?: AbortSignal;
}

/**
 * Make a set exist: its manifest is the last thing written.
 * @throws {LifeboatError} `KeyExists`, `ManifestInvalid` when it could not be read back later.
 */
export async function commitManifest(
  repository: Repository,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const key = KEYS.manifest(manifest.set);
  const bytes = Buffer.byteLength(text);
  requireReadable(bytes, `${key} for the repository "${repository.name}"`);
  parseManifest(text, `${key} for the repository "${repository.name}"`);
  await putText(repository, key, text, signal);
}

/**
 * @throws {LifeboatError} `SetNotFound`, `ManifestInvalid`, `ManifestTooNew`
 */
export async function readManifest(
  repository: Repository,
  set: string,
  signal?: AbortSignal,
): Promise<Manifest> {
  const key = KEYS.manifest(set);
  const where = `${key} in the repository "${repository.name}" (${repository.location})`;
  const manifest = keyWord.safeParse(set).success
    ? await readText(repository, key, where, (text) => parseManifest(text, where), signal)
    : null;
  if (manifest === null) {
    throw new LifeboatError(
      'SetNotFound',
      `There is no set "${set}" in the repository "${repository.name}" (${repository.location}).`,
    );
  }
  if (manifest.set !== set) {
    throw new LifeboatError(
      'ManifestInvalid',
      `The manifest ${where} says that it belongs to the set "${manifest.set}": it was moved or changed.`,
    );
  }
  return manifest;
}

/** The sets of a repository, newest first, from keys alone: the manifests are not read. */
export async function listSets(repository: Repository, options: ListOptions = {}): Promise<SetEntry[]> {
  const { signal } = options;
  const at = signal ? { signal } : {};
  const [manifests, tombstones, verdicts, holds] = await Promise.all([
    collect(repository, KEYS.manifests, at),
    collect(repository, KEYS.tombstones, at),
    collect(repository, KEYS.verdicts, at),
    collect(repository, KEYS.holds, at),
  ]);
  const given = new Set(tombstones.map(({ key }) => setOfManifest(key, KEYS.tombstones)));
  const verdictsOf = Map.groupBy(verdicts, ({ key }) => key.split('/')[1]);
  const holdsOf = Map.groupBy(holds, ({ key }) => key.split('/')[1]);
  const entries = manifests
    .map(({ key, bytes }): SetEntry | null => {
      const set = setOfManifest(key, KEYS.manifests);
      if (set === null) return null;
      return {
        set,
        manifestBytes: bytes,
        verdicts: (verdictsOf.get(set) ?? []).flatMap(({ key }) => verdictOf(key) ?? []),
        held: holdsOf.get(set)?.at(-1)?.key.endsWith('.hold.json') ?? false,
        tombstoned: given.has(set),
      };
    })
    .filter((entry) => entry !== null)
    .filter(({ set }) => options.before === undefined || set < options.before)
    .filter(({ tombstoned }) => options.tombstoned === true || !tombstoned);
  return entries.reverse().slice(0, options.limit ?? Infinity);
}

/** The same with each manifest read; one that is broken is reported in its place. */
export async function readSets(repository: Repository, options: ListOptions = {}): Promise<SetDetails[]> {
  return await lookAtSets(repository, options, (details) => details);
}

/** What somebody needs of each set, newest first: a manifest is let go once it was looked at, so memory holds only what `look` answers. */
export async function lookAtSets<T>(
  repository: Repository,
  options: ListOptions,
  look: (details: SetDetails) => T,
): Promise<T[]> {
  const limit = pLimit(READERS);
  const entries = await listSets(repository, options);
  const read = await Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const details = await readDetails(repository, entry, options.signal);
        return details && { seen: look(details) };
      }),
    ),
  );
  return read.flatMap((one) => (one ? [one.seen] : []));
}

/** Sets from the newest to the oldest, each read when it is asked for. */
export async function* setsNewestFirst(
  repository: Repository,
  options: ListOptions = {},
): AsyncGenerator<SetDetails> {
  yield* eachRead(repository, await listSets(repository, options), options.signal);
}

/** The same of sets that were listed before. */
export async function* eachRead(
  repository: Repository,
  entries: SetEntry[],
  signal?: AbortSignal,
): AsyncGenerator<SetDetails> {
  for (const entry of entries) {
    const details = await readDetails(repository, entry, signal);
    if (details) yield details;
  }
}

async function readDetails(
  repository: Repository,
  entry: SetEntry,
  signal: AbortSignal | undefined,
): Promise<SetDetails | null> {
  try {
    return { ...entry, manifest: await readManifest(repository, entry.set, signal) };
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    // Pruned since it was listed.
    if (error.type === 'SetNotFound') return null;
    if (error.type === 'ManifestInvalid' || error.type === 'ManifestTooNew') {
      return { ...entry, problem: error };
    }
    throw error;
  }
}

/**
 * Every object below a prefix, in the order of keys. What has no key of Lifeboat's, and so was not written by it, is not there.
 * @throws {LifeboatError} `InvalidConfiguration` when there are more than anybody's
 */
export async function collect(
  repository: Repository,
  prefix: string,
  options: { signal?: AbortSignal } = {},
): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of repository.list(prefix, options)) {
    if (repositoryKey.safeParse(object.key).success) found.push(object);
    if (found.length > MOST_KEYS) {
      throw new LifeboatError(
        'InvalidConfiguration',
        `There are more than ${MOST_KEYS} objects under ${prefix} in the repository "${repository.name}" (${repository.location}), which Lifeboat did not write: look who else writes there.`,
      );
    }
  }
  // Some S3 servers list folder by folder, which is nearly the order of keys.
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Write a small text under a key. */
export async function putText(
  repository: Repository,
  key: string,
  text: string,
  signal?: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(text);
  await repository.put(key, Readable.from([bytes]), {
    bytes: bytes.byteLength,
    ...(signal ? { signal } : {}),
  });
}

/** What `parse` makes of a text; null when it is not there. Reading ends as soon as it is too large. */
async function readText<T>(
  repository: Repository,
  key: string,
  where: string,
  parse: (text: string) => T,
  signal: AbortSignal | undefined,
): Promise<T | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  /** Whether it came to the end. */
  const read = async (chunks: AsyncIterator<Buffer>, most: number): Promise<boolean> => {
    for (;;) {
      const { value, done } = await chunks.next();
      if (done) return true;
      parts.push(value);
      bytes += value.byteLength;
      requireReadable(bytes, where);
      if (bytes > most) return false;
    }
  };
  const whole = () => parse(Buffer.concat(parts.splice(0)).toString('utf8'));
  try {
    const stream = await repository.get(key, signal ? { signal } : {});
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    try {
      if (await read(chunks, LARGE_BYTES)) return whole();
      return await large(async () => {
        await read(chunks, Infinity);
        return whole();
      });
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (error instanceof LifeboatError && error.type === 'KeyNotFound') return null;
    throw error;
  }
}

function requireReadable(bytes: number, where: string): void {
  if (bytes <= MANIFEST_MAX_BYTES) return;
  throw new LifeboatError(
    'ManifestInvalid',
    `The manifest ${where} has more than the ${MANIFEST_MAX_BYTES} bytes that any honest one has: it is not read.`,
  );
}

/** `manifests/<set>.json` → the set; null for anything else that lies there. */
function setOfManifest(key: string, prefix: string): string | null {
  const name = key.slice(prefix.length);
  return name.endsWith('.json') && !name.includes('/') ? name.slice(0, -'.json'.length) : null;
}

function verdictOf(key: string): VerdictMark | null {
  const match = /\/([^/]+?)\.([^./]+)\.([^./]+)\.json$/.exec(key);
  return match ? { time: match[1]!, kind: match[2]!, verdict: match[3]! } : null;
}

/** The text of what went wrong with a set, for a listing. */
export const problemOf = (details: SetDetails): string | null =>
  'problem' in details ? messageOf(details.problem) : null;
