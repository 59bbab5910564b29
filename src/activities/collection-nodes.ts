import type { CollectionCluster } from '../adapters/qdrant/qdrant.ts';
import type { QdrantService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import { withQdrant } from './with-qdrant.ts';

/** The nodes that hold active parts of a collection: together all of it, or a backup would be whole to look at and lack points. */
export async function nodesOf(
  service: QdrantService,
  collection: string,
  signal: AbortSignal,
): Promise<string[]> {
  const holding: string[] = [];
  const shards = new Set<number>();
  const active = new Set<number>();
  for (const url of service.urls) {
    const { localShards, remoteShards } = await shardsAt(service, url, collection, signal);
    const own = localShards.filter(({ state }) => state === 'Active');
    // A node with nothing but replicas that are behind adds nothing, and its snapshot would be put over those that are not.
    if (own.length > 0) holding.push(url);
    for (const { shard } of own) active.add(shard);
    for (const { shard } of [...localShards, ...remoteShards]) shards.add(shard);
  }
  const missing = [...shards].filter((shard) => !active.has(shard));
  // One without any shard yet has nothing but its configuration, which any node has.
  if (shards.size === 0) return service.urls.slice(0, 1);
  if (missing.length === 0) return holding;
  throw new LifeboatError(
    'InvalidConfiguration',
    `Of the collection "${collection}", shard ${missing.join(', ')} is active on none of the configured nodes of service "${service.name}" (${service.urls.join(', ')}): name all nodes of the cluster in "urls", or wait until the shard has recovered.`,
  );
}

/**
 * The nodes that hold what a restore of a collection replaces: those with active shards and, where some shard is active nowhere, all that have any.
 * @throws {LifeboatError} `InvalidConfiguration` when a shard is on a node that is not configured: it would be replaced, and nobody had a copy.
 */
export async function holdersOf(
  service: QdrantService,
  collection: string,
  signal: AbortSignal,
): Promise<string[]> {
  const nodes: { url: string; own: number[]; active: number[] }[] = [];
  const shards = new Set<number>();
  for (const url of service.urls) {
    const { localShards, remoteShards } = await shardsAt(service, url, collection, signal);
    const own = localShards.map(({ shard }) => shard);
    const active = localShards.filter(({ state }) => state === 'Active').map(({ shard }) => shard);
    nodes.push({ url, own, active });
    for (const { shard } of [...localShards, ...remoteShards]) shards.add(shard);
  }
  const activeShards = new Set(nodes.flatMap(({ active }) => active));
  if ([...shards].every((shard) => activeShards.has(shard)))
    return nodes.flatMap(({ url, active }) => (active.length > 0 ? [url] : []));
  const held = new Set(nodes.flatMap(({ own }) => own));
  const elsewhere = [...shards].filter((shard) => !held.has(shard));
  if (elsewhere.length === 0) return nodes.flatMap(({ url, own }) => (own.length > 0 ? [url] : []));
  throw new LifeboatError(
    'InvalidConfiguration',
    `Of the collection "${collection}", shard ${elsewhere.join(', ')} is on none of the configured nodes of service "${service.name}" (${service.urls.join(', ')}), so that no safety snapshot of it can be taken: name all nodes of the cluster in "urls".`,
  );
}

const shardsAt = async (
  service: QdrantService,
  url: string,
  collection: string,
  signal: AbortSignal,
): Promise<CollectionCluster> =>
  await withQdrant(service, url, async (qdrant) => await qdrant.collectionCluster(collection, { signal }));
