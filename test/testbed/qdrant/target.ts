import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startQdrantStandIn } from './stand-in.ts';

/** The Qdrant server that tests work with. */
export interface QdrantTarget {
  url: string;
  apiKey: string | undefined;
  readOnlyApiKey: string | undefined;
  /** Whether it is the stand-in, which is held to the recordings exactly. */
  standIn: boolean;
  /** A collection name that nothing else on the server has. */
  unique(name: string): string;
  /** Drop every collection of this target that a test made, with its snapshots, and stop a stand-in. */
  close(): Promise<void>;
}

/** For tests that need the stand-in, because of a key, a cluster or an end of its own: they are left out where a server is named. */
export const needsStandIn = {
  skip: process.env.LIFEBOAT_TEST_QDRANT_URL
    ? 'only with the stand-in, and LIFEBOAT_TEST_QDRANT_URL names a server'
    : false,
};

/**
 * The server that `LIFEBOAT_TEST_QDRANT_URL` names (with `LIFEBOAT_TEST_QDRANT_API_KEY` and, where there is one,
 * `LIFEBOAT_TEST_QDRANT_READ_ONLY_API_KEY`), else a stand-in of its own; with `keys`, that stand-in wants an API key.
 */
export async function qdrantTarget(options: { keys?: boolean } = {}): Promise<QdrantTarget> {
  const run = `lb${randomUUID().slice(0, 8)}`;
  const unique = (name: string): string => `${run}_${name}`;
  const given = process.env.LIFEBOAT_TEST_QDRANT_URL;
  if (given) {
    const apiKey = process.env.LIFEBOAT_TEST_QDRANT_API_KEY || undefined;
    const url = given.replace(/\/+$/, '');
    const readOnlyApiKey = process.env.LIFEBOAT_TEST_QDRANT_READ_ONLY_API_KEY || undefined;
    const close = (): Promise<void> => dropCollections(url, apiKey, run);
    return { url, apiKey, readOnlyApiKey, standIn: false, unique, close };
  }
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-qdrant-'));
  const keys = options.keys ? { apiKey: 'secret-key', readOnlyApiKey: 'read-key' } : {};
  const server = await startQdrantStandIn({ directory, ...keys });
  return {
    url: server.url,
    apiKey: keys.apiKey,
    readOnlyApiKey: keys.readOnlyApiKey,
    standIn: true,
    unique,
    async close() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Snapshots first: they outlive their collection, and without it can't be reached. */
async function dropCollections(url: string, apiKey: string | undefined, run: string): Promise<void> {
  const headers = apiKey ? { 'api-key': apiKey } : undefined;
  const ask = async <T>(method: string, path: string): Promise<T> => {
    const response = await fetch(url + path, { method, ...(headers ? { headers } : {}) });
    return ((await response.json()) as { result: T }).result;
  };
  const { collections } = await ask<{ collections: { name: string }[] }>('GET', '/collections');
  for (const { name } of collections.filter((one) => one.name.startsWith(`${run}_`))) {
    const path = `/collections/${encodeURIComponent(name)}`;
    const cluster = await ask<{ local_shards: { shard_id: number }[] }>('GET', `${path}/cluster`);
    const shards = cluster.local_shards.map(({ shard_id }) => `${path}/shards/${shard_id}/snapshots`);
    for (const list of [`${path}/snapshots`, ...shards])
      for (const snapshot of await ask<{ name: string }[]>('GET', list))
        await ask('DELETE', `${list}/${encodeURIComponent(snapshot.name)}`);
    await ask('DELETE', path);
  }
}
