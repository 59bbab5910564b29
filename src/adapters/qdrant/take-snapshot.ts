import { setTimeout as delay } from 'node:timers/promises';
import { LifeboatError } from '../../model/failures.ts';
import type { Asking, Qdrant, Snapshot } from './qdrant.ts';

export interface TakeOptions extends Asking {
  collection: string;
  /** The names that were listed before the first attempt, from a checkpoint: whatever else is there now has come since. */
  known: readonly string[];
  /** Whether an earlier attempt may have asked the server already. */
  retry: boolean;
  /** How long a file without a checksum must keep its size to count as finished (milliseconds). Default 2 s. */
  quietMs?: number;
  /** How often it is looked whether a snapshot that the server still writes is there (milliseconds). Default 1 s. */
  pollMs?: number;
  /**
   * How long an earlier attempt's snapshot is waited for where the server does not tell whether it still writes one (milliseconds).
   * Default 30 s.
   */
  graceMs?: number;
  /** Called while it waits, for heartbeats. */
  onWait?: () => void;
}

export interface TakenSnapshot {
  snapshot: Snapshot;
  /** Whether an earlier attempt had it taken. */
  adopted: boolean;
  /** Older ones that appeared since as well: also left by earlier attempts, and to be deleted like the one that is used. */
  superseded: string[];
}

/**
 * Take a snapshot so that trying again makes no second one.
 *
 * A request for a snapshot has no job id, and the server goes on with it when the client has gone: an attempt that got no answer may
 * have left a finished file, one that is being written, or nothing. So the names that were there before the first attempt are
 * remembered, and a retry first looks for one that was not: it is adopted once it is finished (it has a checksum, or its
 * size no longer changes). While the server says that it is still writing one (since 1.16), or for a grace time where it does not say, the retry
 * waits for it instead of asking again. Only a name of the server's own form, for this collection, is adopted; what somebody uploaded is not.
 *
 * Names have the time to a second, so two snapshots in one second are one file, and the second replaces the first, which may be the only copy of what a
 * restore replaced. So none is asked for in the second of a known one. Where the clocks differ by more than is looked at here, a "new" one with a known name
 * has replaced that file, which is somebody else's to delete: it is then taken again, a second later.
 * @throws {LifeboatError} as `createSnapshot` does; after `QdrantUnreachable` and `QdrantFailed`, call again with `retry`.
 */
export async function takeSnapshot(qdrant: Qdrant, options: TakeOptions): Promise<TakenSnapshot> {
  const { collection, known, signal } = options;
  if (options.retry) {
    const left = await leftByEarlierAttempt(qdrant, options);
    if (left.length > 0) {
      const snapshot = left.at(-1)!;
      return { snapshot, adopted: true, superseded: left.slice(0, -1).map((one) => one.name) };
    }
  }
  const asking = signal ? { signal } : {};
  const now = Date.now();
  if (known.some((name) => isServersName(name, collection) && timeOf(name) > now - RECENT_MS))
    await delay(1100, undefined, asking);
  let snapshot = await qdrant.createSnapshot(collection, asking);
  if (known.includes(snapshot.name)) {
    await delay(1100, undefined, asking);
    snapshot = await qdrant.createSnapshot(collection, asking);
    if (known.includes(snapshot.name))
      throw new LifeboatError(
        'QdrantFailed',
        `The Qdrant server "${qdrant.name}" gave the snapshot of "${collection}" the name of an older one, "${snapshot.name}", twice. Check its clock.`,
      );
  }
  return { snapshot, adopted: false, superseded: [] };
}

/** Finished snapshots that appeared since, oldest first; waits while one may still be written. */
async function leftByEarlierAttempt(qdrant: Qdrant, options: TakeOptions): Promise<Snapshot[]> {
  const { collection, signal, quietMs = 2000, pollMs = 1000, graceMs = 30_000 } = options;
  const asking = signal ? { signal } : {};
  const until = Date.now() + graceMs;
  for (;;) {
    // Asked first: what ends between the two questions is then in the list.
    const running = await qdrant.snapshotsRunning(collection, asking);
    const appeared = await newOnes(qdrant, options);
    const writing = running === null ? appeared.length === 0 && Date.now() < until : running > 0;
    if (!writing) {
      if (appeared.every((one) => one.checksum)) return appeared;
      await delay(quietMs, undefined, asking);
      const later = new Map((await newOnes(qdrant, options)).map((one) => [one.name, one]));
      const quiet = appeared.every((one) => later.get(one.name)?.size === one.size);
      if (quiet && later.size === appeared.length) return appeared;
    }
    options.onWait?.();
    await delay(pollMs, undefined, asking);
  }
}

async function newOnes(qdrant: Qdrant, options: TakeOptions): Promise<Snapshot[]> {
  const listed = await qdrant.listSnapshots(
    options.collection,
    options.signal ? { signal: options.signal } : {},
  );
  const known = new Set(options.known);
  return listed
    .filter((one) => !known.has(one.name) && isServersName(one.name, options.collection))
    .sort((a, b) => (stampOf(a.name) < stampOf(b.name) ? -1 : 1));
}

/** `{collection}-{peer}-{YYYY-MM-DD-HH-MM-SS}.snapshot`, as the server names the snapshots that it takes. */
export function isServersName(name: string, collection: string): boolean {
  return (
    name.startsWith(`${collection}-`) &&
    /^\d+-\d{4}(-\d{2}){5}\.snapshot$/.test(name.slice(collection.length + 1))
  );
}

/** A known snapshot that is older than this by our clock is from an earlier second by the server's as well (milliseconds). */
const RECENT_MS = 60 * 60_000;

/** When the server took a snapshot, by its name: it goes by UTC. */
function timeOf(name: string): number {
  const [year, month, day, hour, minute, second] = stampOf(name).slice(0, 19).split('-').map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

function stampOf(name: string): string {
  return name.slice(-'YYYY-MM-DD-HH-MM-SS.snapshot'.length);
}
