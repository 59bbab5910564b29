import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { Secret } from '../../src/config/secret.ts';

/** What the sample collections hold, by collection: for a comparison. */
export type VectorFacts = Record<string, { points: number; indexes: string[]; aliases: string[] }>;

const DIMENSIONS = 64;
const BATCH = 500;

const COLLECTIONS = [
  { name: 'lifeos_notes', points: 2000, index: 'subject', alias: 'lifeos_search' },
  { name: 'lifeos_resources', points: 800, index: 'subject', alias: undefined },
] as const;

/** The names of the sample collections. */
export const SAMPLE_COLLECTIONS: readonly string[] = COLLECTIONS.map(({ name }) => name);

export interface QdrantAddress {
  url: string;
  apiKey: string;
}

/** A client of the server; who asks for it closes it. */
export const qdrantClient = ({ url, apiKey }: QdrantAddress): Qdrant =>
  openQdrant({ name: 'qdrant', url, apiKey: apiKey ? new Secret(apiKey) : undefined });

/** @throws when there are collections or aliases of the sample's names already: they are somebody's. */
export async function requireNoVectors(server: QdrantAddress): Promise<void> {
  const wanted = COLLECTIONS.flatMap(({ name, alias }): string[] => (alias ? [name, alias] : [name]));
  const qdrant = qdrantClient(server);
  try {
    const aliases = (await qdrant.aliases()).map(({ alias }) => alias);
    const names = new Set<string>([...(await qdrant.collections()), ...aliases]);
    const present = wanted.filter((name) => names.has(name));
    if (present.length > 0) {
      throw new Error(
        `The Qdrant server at ${server.url} has ${present.join(' and ')} already. The quickstart would delete them: give it another server.`,
      );
    }
  } finally {
    await qdrant.close();
  }
}

/**
 * Make two collections as a personal knowledge base has them, with a payload index each and an alias.
 * @throws as {@link requireNoVectors} does
 */
export async function loadVectors(server: QdrantAddress): Promise<VectorFacts> {
  await requireNoVectors(server);
  const qdrant = qdrantClient(server);
  try {
    for (const { name, points, index, alias } of COLLECTIONS) {
      const path = `/collections/${name}`;
      await put(server, path, { vectors: { size: DIMENSIONS, distance: 'Cosine' } });
      await put(server, `${path}/index?wait=true`, { field_name: index, field_schema: 'keyword' });
      for (let from = 1; from <= points; from += BATCH) {
        const length = Math.min(BATCH, points - from + 1);
        const batch = Array.from({ length }, (_, i) => point(from + i));
        await put(server, `${path}/points?wait=true`, { points: batch });
      }
      if (alias) await qdrant.setAliases(name, [alias]);
    }
    return await factsOf(qdrant);
  } finally {
    await qdrant.close();
  }
}

/** Count what the sample collections hold; those that are gone are left out. */
export async function countVectors(server: QdrantAddress): Promise<VectorFacts> {
  const qdrant = qdrantClient(server);
  try {
    return await factsOf(qdrant);
  } finally {
    await qdrant.close();
  }
}

/** Delete the sample collections; their aliases go with them. */
export async function deleteVectors(server: QdrantAddress): Promise<void> {
  const qdrant = qdrantClient(server);
  try {
    for (const name of SAMPLE_COLLECTIONS) {
      if (await qdrant.exists(name)) await qdrant.deleteCollection(name);
    }
  } finally {
    await qdrant.close();
  }
}

async function factsOf(qdrant: Qdrant): Promise<VectorFacts> {
  const facts: VectorFacts = {};
  const aliases = await qdrant.aliases();
  for (const name of SAMPLE_COLLECTIONS) {
    if (!(await qdrant.exists(name))) continue;
    facts[name] = {
      points: await qdrant.countExact(name),
      indexes: Object.keys((await qdrant.collectionInfo(name)).payload_schema).sort(),
      aliases: aliases
        .filter(({ collection }) => collection === name)
        .map(({ alias }) => alias)
        .sort(),
    };
  }
  return facts;
}

const point = (id: number): object => ({
  id,
  vector: Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(id * 0.37 + at * 1.3)),
  payload: { title: `Entry ${id}`, subject: `subject-${id % 53}`, weight: id % 101 },
});

async function put({ url, apiKey }: QdrantAddress, path: string, body: object): Promise<void> {
  const response = await fetch(url + path, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(apiKey ? { 'api-key': apiKey } : {}) },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`Qdrant answered ${response.status} to PUT ${path}: ${answer}`);
}
