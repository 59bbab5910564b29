import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { Secret } from '../../src/config/secret.ts';
import { startQdrantStandIn } from '../testbed/qdrant/stand-in.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';

/** A Qdrant server with collections of one test file's own, as an application keeps them. */
export interface Collections {
  url: string;
  apiKey: string | undefined;
  /** Whether faults can be asked for. */
  standIn: boolean;
  qdrant: Qdrant;
  /** The service's section of a configuration; it means every collection of this file and no other. */
  section(more?: object): object;
  /** Make a collection with a payload index and these aliases; answers its name. */
  make(name: string, options?: { points?: number; aliases?: string[] }): Promise<string>;
  /** A name that nothing else on the server has. */
  unique(name: string): string;
  put(collection: string, from: number, to: number): Promise<void>;
  remove(collection: string, points: number[]): Promise<void>;
  drop(collection: string): Promise<void>;
  count(collection: string): Promise<number>;
  aliasesOf(collection: string): Promise<string[]>;
  snapshots(collection: string): Promise<string[]>;
  /** Every collection of this file. */
  own(): Promise<string[]>;
  /** A fault that the stand-in meets next; only with `standIn`. */
  fault(fault: { method?: string; path?: string; times?: number } & Record<string, unknown>): Promise<void>;
  forgetFaults(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The server that `LIFEBOAT_TEST_QDRANT_URL` names, else a stand-in of its own that takes faults and wants an API key.
 * @param options.own a stand-in of its own whatever is named. Default false.
 */
export async function startCollections({ own = false } = {}): Promise<Collections> {
  const named = !own && process.env.LIFEBOAT_TEST_QDRANT_URL;
  const target = named ? await qdrantTarget() : await faultyStandIn();
  const { url, apiKey, unique } = target;
  const qdrant = openQdrant({
    name: 'test',
    url,
    apiKey: apiKey === undefined ? undefined : new Secret(apiKey),
  });
  const ask = async (method: string, path: string, body?: unknown): Promise<void> => {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...(apiKey ? { 'api-key': apiKey } : {}) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  };
  const collections: Collections = {
    url,
    apiKey,
    standIn: target.standIn,
    qdrant,
    unique,
    section: (more = {}) => ({
      kind: 'qdrant',
      url,
      include: [unique('*')],
      ...(apiKey ? { apiKey } : {}),
      ...more,
    }),
    async make(name, { points = 50, aliases = [] } = {}) {
      const collection = unique(name);
      await ask('PUT', `/collections/${collection}`, { vectors: { size: 4, distance: 'Cosine' } });
      await ask('PUT', `/collections/${collection}/index?wait=true`, {
        field_name: 'tag',
        field_schema: 'keyword',
      });
      await collections.put(collection, 1, points);
      if (aliases.length > 0) await qdrant.setAliases(collection, aliases.map(unique));
      return collection;
    },
    async put(collection, from, to) {
      const points = Array.from({ length: to - from + 1 }, (_, at) => ({
        id: from + at,
        vector: [from + at, 0.5, (at * 7) % 11, 1 / (from + at)],
        payload: { title: `note ${from + at}`, tag: at % 2 ? 'a' : 'b' },
      }));
      await ask('PUT', `/collections/${collection}/points?wait=true`, { points });
    },
    async remove(collection, points) {
      await ask('POST', `/collections/${collection}/points/delete?wait=true`, { points });
    },
    async drop(collection) {
      for (const name of await collections.snapshots(collection))
        await qdrant.deleteSnapshot(collection, name);
      await qdrant.deleteCollection(collection);
    },
    count: (collection) => qdrant.countExact(collection),
    async aliasesOf(collection) {
      const found = (await qdrant.aliases()).filter((one) => one.collection === collection);
      return found.map(({ alias }) => alias).sort();
    },
    snapshots: async (collection) => (await qdrant.listSnapshots(collection)).map(({ name }) => name),
    own: async () => (await qdrant.collections()).filter((name) => name.startsWith(unique(''))),
    fault: (fault) => ask('POST', '/__testbed/faults', fault),
    forgetFaults: () => ask('DELETE', '/__testbed/faults'),
    async close() {
      await qdrant.close();
      await target.close();
    },
  };
  return collections;
}

async function faultyStandIn(): Promise<QdrantTarget> {
  const run = `lb${randomUUID().slice(0, 8)}`;
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-qdrant-'));
  const apiKey = 'secret-key';
  const server = await startQdrantStandIn({ directory, apiKey, faults: true });
  return {
    url: server.url,
    apiKey,
    readOnlyApiKey: undefined,
    standIn: true,
    unique: (name) => `${run}_${name}`,
    async close() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
