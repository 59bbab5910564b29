import { listSets, readManifest } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import { LifeboatError } from '../model/failures.ts';
import { isAhead } from '../model/set-time.ts';
import { foundOf } from '../model/verdicts.ts';

/** A complete set: which services it has, and when their data was taken (milliseconds since 1970). */
interface GoodSet {
  services: string[];
  at: number;
}

/** What manifests said, by repository, set and size: they never change, and a service without any good set makes every look ask for all of them. */
const read = new Map<string, Map<string, GoodSet | null>>();

/**
 * When the data of the last good set of each service was taken, as far as one repository knows (milliseconds since 1970): complete, not found
 * damaged, and not dated in the future.
 * @param lastGood what is known from other repositories; what is newer here replaces it.
 */
export async function readLastGood(
  repository: Repository,
  services: readonly { name: string }[],
  lastGood: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const before = read.get(repository.location);
  const now = new Map<string, GoodSet | null>();
  read.set(repository.location, now);
  const here = new Set<string>();
  for (const { set, manifestBytes, verdicts } of await listSets(repository, { signal })) {
    const key = `${set} ${manifestBytes}`;
    const known = before?.get(key);
    const good = known === undefined ? await goodSet(repository, set, signal) : known;
    now.set(key, good);
    if (!good || foundOf(verdicts) === 'failed' || isAhead(good.at, Date.now())) continue;
    for (const name of good.services) {
      here.add(name);
      lastGood.set(name, Math.max(good.at, lastGood.get(name) ?? 0));
    }
    if (services.every(({ name }) => here.has(name))) break;
  }
}

/** Null for a set that is partial, was pruned since, or whose manifest can't be read: the others still count. */
async function goodSet(repository: Repository, set: string, signal: AbortSignal): Promise<GoodSet | null> {
  try {
    const { state, createdAt, services } = await readManifest(repository, set, signal);
    if (state !== 'complete') return null;
    return { services: services.map(({ name }) => name), at: Date.parse(createdAt) };
  } catch (error) {
    const unreadable = ['ManifestInvalid', 'ManifestTooNew', 'SetNotFound'];
    if (error instanceof LifeboatError && unreadable.includes(error.type)) return null;
    throw error;
  }
}
