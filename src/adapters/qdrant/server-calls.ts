import { LifeboatError } from '../../model/failures.ts';
import type { QdrantHttp } from './http.ts';
import { at } from './path.ts';
import type { Asking, ClusterState, CollectionCluster, PointId, Qdrant } from './qdrant.ts';

/** What is asked of the server itself and of its cluster. */
export function serverCalls(
  http: QdrantHttp,
): Pick<Qdrant, 'version' | 'ready' | 'cluster' | 'collectionCluster'> {
  return {
    async version(options: Asking = {}): Promise<string> {
      const doing = 'asking for its version';
      const text = await http.text({ method: 'GET', path: '/', doing, ...options });
      const version = versionIn(text);
      if (version !== undefined) return version;
      throw new LifeboatError(
        'NotQdrant',
        `${http.server} does not answer like a Qdrant server. Check the URL: it is the one of the REST interface (port 6333 by default).`,
      );
    },

    async ready(options: Asking = {}): Promise<boolean> {
      try {
        await http.text({ method: 'GET', path: '/readyz', doing: 'asking if it is ready', ...options });
        return true;
      } catch (error) {
        if (error instanceof LifeboatError) return false;
        throw error;
      }
    },

    async cluster(options: Asking = {}): Promise<ClusterState> {
      const state = await http.result<{
        status: string;
        peer_id?: PointId;
        peers?: Record<string, { uri: string }>;
      }>({ method: 'GET', path: '/cluster', doing: 'asking for its cluster', ...options });
      if (state.status !== 'enabled') return { enabled: false };
      const peers = Object.entries(state.peers ?? {}).map(([id, peer]) => [id, peer.uri] as const);
      return { enabled: true, peerId: String(state.peer_id), peers: Object.fromEntries(peers) };
    },

    async collectionCluster(collection: string, options: Asking = {}): Promise<CollectionCluster> {
      const state = await http.result<{
        peer_id: PointId;
        shard_count: number;
        local_shards: { shard_id: number; points_count: number; state: string }[];
        remote_shards: { shard_id: number; peer_id: PointId; state: string }[];
      }>({
        method: 'GET',
        path: `${at(collection)}/cluster`,
        doing: `asking where the shards of "${collection}" are`,
        collection,
        ...options,
      });
      return {
        peerId: String(state.peer_id),
        shardCount: state.shard_count,
        localShards: state.local_shards.map((one) => ({
          shard: one.shard_id,
          points: one.points_count,
          state: one.state,
        })),
        remoteShards: state.remote_shards.map((one) => ({
          shard: one.shard_id,
          peerId: String(one.peer_id),
          state: one.state,
        })),
      };
    },
  };
}

function versionIn(text: string): string | undefined {
  try {
    const { title, version } = JSON.parse(text) as { title?: unknown; version?: unknown };
    return typeof version === 'string' && /qdrant/i.test(String(title)) ? version : undefined;
  } catch {
    return undefined;
  }
}
