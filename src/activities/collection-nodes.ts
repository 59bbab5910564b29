import type { QdrantService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import { withQdrant } from './with-qdrant.ts';

/** The nodes that hold active parts of a collection: together all of it, or a backup would be whole to look at and lack points. */
export async function nodesOf(
  service: QdrantService,
  collection: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { nodes, shards } = await placesOf(service, collection, signal);
  // One without any shard yet has nothing but its configuration, which any node has.
  if (shards.size === 0) return service.urls.slice(0, 1);
  const missing = missingFrom(shards, nodes, 'active');
  // A node with nothing but replicas that are behind adds nothing, and its snapshot would be put over those that are not.
  if (missing.length === 0) return withAny(nodes, 'active');
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
  const { nodes, shards } = await placesOf(service, collection, signal);
  if (missingFrom(shards, nodes, 'active').length === 0) return withAny(nodes, 'active');
  const elsewhere = missingFrom(shards, nodes, 'own');
  if (elsewhere.length === 0) return withAny(nodes, 'own');
  throw new LifeboatError(
    'InvalidConfiguration',
    `Of the collection "${collection}", shard ${elsewhere.join(', ')} is on none of the configured nodes of service "${service.name}" (${service.urls.join(', ')}), so that no safety snapshot of it can be taken: name all nodes of the cluster in "urls".`,
  );
}

/** The shards that a node has, and those of them that are up to date. */
interface Place {
  url: string;
  own: number[];
  active: number[];
}

const withAny = (nodes: Place[], which: 'own' | 'active'): string[] =>
  nodes.filter((node) => node[which].length > 0).map(({ url }) => url);

function missingFrom(shards: Set<number>, nodes: Place[], which: 'own' | 'active'): number[] {
  const there = new Set(nodes.flatMap((node) => node[which]));
  return [...shards].filter((shard) => !there.has(shard));
}

/** What each configured node has of a collection, and all its shards that any of them knows of. */
async function placesOf(
  service: QdrantService,
  collection: string,
  signal: AbortSignal,
): Promise<{ nodes: Place[]; shards: Set<number> }> {
  const nodes: Place[] = [];
  const shards = new Set<number>();
  for (const url of service.urls) {
    const { localShards, remoteShards } = await withQdrant(
      service,
      url,
      async (qdrant) => await qdrant.collectionCluster(collection, { signal }),
    );
    const active = localShards.filter(({ state }) => state === 'Active').map(({ shard }) => shard);
    nodes.push({ url, own: localShards.map(({ shard }) => shard), active });
    for (const { shard } of [...localShards, ...remoteShards]) shards.add(shard);
  }
  return { nodes, shards };
}
