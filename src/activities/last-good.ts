import { listSets, readManifest } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';

/** How many of the newest sets are looked at for the last good one of each service. */
const NEWEST = 50;

/**
 * When the data of the last complete set of each service was taken, as far as one repository knows (milliseconds since 1970).
 * @param lastGood what is known from other repositories; what is newer here replaces it.
 */
export async function readLastGood(
  repository: Repository,
  services: readonly { name: string }[],
  lastGood: Map<string, number>,
  signal: AbortSignal,
): Promise<void> {
  for (const { set } of await listSets(repository, { limit: NEWEST, signal })) {
    const manifest = await readManifest(repository, set, signal);
    if (manifest.state !== 'complete') continue;
    const at = Date.parse(manifest.createdAt);
    for (const service of manifest.services) {
      lastGood.set(service.name, Math.max(at, lastGood.get(service.name) ?? 0));
    }
    if (services.every((service) => lastGood.has(service.name))) break;
  }
}
