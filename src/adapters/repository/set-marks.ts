import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';
import { LifeboatError } from '../../model/failures.ts';
import { KEYS } from '../../model/names.ts';
import { collect, putText, type VerdictMark } from './catalog.ts';
import type { DeleteOutcome, Repository } from './repository.ts';

/** How many objects are deleted at the same time. */
const DELETERS = 8;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What `verify` or a restore drill found of a set. */
export interface Verdict {
  kind: 'verify' | 'drill';
  /** `ok-in-part`: of a drill of some services only. `not-run`: what was wrong was not the set, and says nothing of it. */
  verdict: 'ok' | 'ok-in-part' | 'failed' | 'not-run';
  time: Date;
  /** Anything readable: checks, times, differences. Never secrets. */
  findings: unknown;
}

/** Write down what was found of a set. */
export async function writeVerdict(repository: Repository, set: string, verdict: Verdict): Promise<void> {
  const time = verdict.time.toISOString();
  const key = KEYS.verdict(set, time, verdict.kind, verdict.verdict);
  await putText(repository, key, json({ set, ...verdict, time }));
}

/** The part of a verdict that is read (bytes): a longer one is not understood. */
const VERDICT_MAX_BYTES = 1024 * 1024;

/**
 * What a verdict says it found; undefined where it can not be understood.
 * @throws what the repository fails with
 */
export async function readFindings(
  repository: Repository,
  set: string,
  { time, kind, verdict }: VerdictMark,
  signal: AbortSignal,
): Promise<unknown> {
  const key = KEYS.verdict(set, time, kind, verdict);
  const written = await text(await repository.get(key, { end: VERDICT_MAX_BYTES - 1, signal }));
  try {
    return (JSON.parse(written) as { findings?: unknown } | null)?.findings;
  } catch {
    return undefined;
  }
}

/** The services that a drill says it had; none where it is gone, or can not be read or understood. */
export async function servicesDrilled(
  repository: Repository,
  set: string,
  mark: VerdictMark,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    return servicesIn(await readFindings(repository, set, mark, signal));
  } catch (error) {
    // What proves nothing is no reason to fail.
    if (error instanceof LifeboatError && !error.retryable) return [];
    throw error;
  }
}

function servicesIn(findings: unknown): string[] {
  const { services } = (findings ?? {}) as { services?: unknown };
  return Array.isArray(services) ? services.flatMap((one) => one?.service ?? []) : [];
}

/** Pin a set: retention leaves it alone until {@link releaseHold}. */
export async function writeHold(
  repository: Repository,
  set: string,
  { time, by, reason }: { time: Date; by: string; reason: string },
): Promise<void> {
  await putText(repository, KEYS.hold(set, time.toISOString(), 'hold'), json({ set, time, by, reason }));
}

/** Take back the pin of a set. */
export async function releaseHold(
  repository: Repository,
  set: string,
  { time, by, reason }: { time: Date; by: string; reason: string },
): Promise<void> {
  await putText(repository, KEYS.hold(set, time.toISOString(), 'release'), json({ set, time, by, reason }));
}

/** Decide that a set goes: from here on the catalog does not offer it. Once decided, again is nothing new; answers whether it was new. */
export async function tombstone(
  repository: Repository,
  set: string,
  { time, reason }: { time: Date; reason: string },
): Promise<boolean> {
  try {
    await putText(repository, KEYS.tombstone(set), json({ set, time, reason }));
    return true;
  } catch (error) {
    if (!(error instanceof LifeboatError && error.type === 'KeyExists')) throw error;
    return false;
  }
}

/** What became of a set's objects. `locked` ones stay, and so do its manifest and tombstone, for the next pruning; `denied` when for lack of a right. */
export interface Deletion {
  deleted: number;
  bytes: number;
  locked: string[];
  denied: boolean;
  /** Somebody has pinned it since its removal was decided: nothing of it is deleted. */
  held?: boolean;
  /** It is pinned and all the same not offered, because its tombstone is there and stays. */
  hidden?: boolean;
}

/**
 * Delete a set: tombstone, artifacts, verdicts and holds, manifest, tombstone. A crash anywhere leaves a set that is not offered
 * and whose deletion can be asked for again: while anything is left, so is the tombstone. A set that is pinned stays.
 */
export async function deleteSet(
  repository: Repository,
  set: string,
  { time, reason, signal }: { time: Date; reason: string; signal?: AbortSignal },
): Promise<Deletion> {
  const result: Deletion = { deleted: 0, bytes: 0, locked: [], denied: false };
  const at = signal ? { signal } : {};
  // Before the tombstone: an attempt that is cut after it would leave a pinned set hidden.
  if (await isHeld(repository, set, signal)) {
    return { ...result, held: true, hidden: (await repository.head(KEYS.tombstone(set))) !== null };
  }
  const decided = await tombstone(repository, set, { time, reason });
  // And after it: whoever pins a set looks for one after that, so one of the two sees the other.
  if (await isHeld(repository, set, signal)) {
    // An earlier attempt may have deleted something of it already: then it is not offered again.
    const outcome = decided ? await repository.delete(KEYS.tombstone(set)) : 'locked';
    return { ...result, held: true, hidden: outcome === 'locked' || outcome === 'denied' };
  }
  const remove = async (keys: { key: string; bytes: number }[]) => {
    const limit = pLimit(DELETERS);
    await Promise.all(keys.map((object) => limit(() => removeOne(repository, object, result, signal))));
  };
  await remove(await collect(repository, KEYS.set(set), at));
  if (result.locked.length > 0) return result;
  await remove(await collect(repository, `${KEYS.verdicts}${set}/`, at));
  await remove(await collect(repository, `${KEYS.holds}${set}/`, at));
  if (result.locked.length > 0) return result;
  await remove([{ key: KEYS.manifest(set), bytes: (await repository.head(KEYS.manifest(set)))?.bytes ?? 0 }]);
  if (result.locked.length > 0) return result;
  await remove([{ key: KEYS.tombstone(set), bytes: 0 }]);
  return result;
}

async function isHeld(repository: Repository, set: string, signal?: AbortSignal): Promise<boolean> {
  const marks = await collect(repository, `${KEYS.holds}${set}/`, signal ? { signal } : {});
  return marks.at(-1)?.key.endsWith('.hold.json') ?? false;
}

async function removeOne(
  repository: Repository,
  { key, bytes }: { key: string; bytes: number },
  result: Deletion,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  // What one object was denied, all others would be.
  if (result.denied) return;
  const outcome: DeleteOutcome = await repository.delete(key);
  if (outcome === 'locked' || outcome === 'denied') result.locked.push(key);
  if (outcome === 'denied') result.denied = true;
  if (outcome !== 'deleted') return;
  result.deleted += 1;
  result.bytes += bytes;
}

/** Sets whose removal was decided and is not finished. */
export async function tombstones(repository: Repository, signal?: AbortSignal): Promise<string[]> {
  const found = await collect(repository, KEYS.tombstones, signal ? { signal } : {});
  return found.map(({ key }) => key.slice(KEYS.tombstones.length).replace(/\.json$/, ''));
}

/** An artifact folder without a manifest: what a run left that died. */
export interface Orphan {
  set: string;
  keys: string[];
  bytes: number;
}

/**
 * Folders of artifacts that no manifest or tombstone speaks of, and that nobody is at work on: their run began longer ago than the grace, by the
 * time in the set's own id, and nothing came into them since. A copy of an old set is as young as its newest object.
 */
export async function orphans(
  repository: Repository,
  graceMs: number,
  now: Date,
  signal?: AbortSignal,
): Promise<Orphan[]> {
  const at = signal ? { signal } : {};
  // Artifacts first: a set that is committed while we look is then found among the manifests, not taken for an orphan.
  const old = new Set<string>();
  for await (const { key } of repository.list(KEYS.sets, at)) {
    const set = key.split('/')[1] ?? '';
    if (now.getTime() - (beginningOf(set)?.getTime() ?? Infinity) > graceMs) old.add(set);
  }
  for (const prefix of [KEYS.manifests, KEYS.tombstones]) {
    for (const { key } of await collect(repository, prefix, at)) {
      old.delete(key.split('/')[1]?.replace(/\.json$/, '') ?? '');
    }
  }
  const found: Orphan[] = [];
  for (const set of old) {
    const objects = await collect(repository, KEYS.set(set), at);
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
    const newest = objects.reduce((latest, { modifiedAt }) => Math.max(latest, modifiedAt.getTime()), 0);
    if (now.getTime() - newest <= graceMs) continue;
    // What is left there may be somebody else's.
    if (objects.length > 0) found.push({ set, keys: objects.map(({ key }) => key), bytes });
  }
  return found;
}

/** The time in a set's id; null when the id is not one of Lifeboat's, and then nothing of it is touched. */
export function beginningOf(set: string): Date | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-z]{6}$/.exec(set);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time.getTime()) ? null : time;
}
