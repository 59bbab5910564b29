import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Manifest } from '../../src/model/manifest.ts';
import { KEYS, setId } from '../../src/model/names.ts';

/** The sha256 of `x`, which all artifacts of sample sets hold. */
const X = { bytes: 1, sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' };

/** The manifest of a set like many are: a graph of two databases, a vector store of one collection. */
export function sampleManifest(set: string, createdAt: Date): Manifest {
  const time = createdAt.toISOString();
  const artifact = { stored: X, content: X, encryption: 'none', capturedAt: time } as const;
  const dump = (name: string) => ({
    ...artifact,
    service: 'graph',
    kind: 'neo4j-dump' as const,
    name,
    path: KEYS.artifact(set, 'graph', `${name}.dump`),
    compression: 'none' as const,
  });
  return {
    kind: 'lifeboat/backup-set',
    format: 1,
    set,
    createdAt: time,
    completedAt: new Date(createdAt.getTime() + 90_000).toISOString(),
    lifeboat: '0.1.0',
    run: { workflowId: `backup/${set}`, runId: set },
    state: 'complete',
    consistent: false,
    skewSeconds: 2,
    services: [
      {
        name: 'graph',
        kind: 'neo4j',
        container: 'neo4j',
        image: 'neo4j:5.26-community',
        imageDigest: 'sha256:none',
        version: '5.26.0',
        edition: 'community',
        databases: ['neo4j', 'system'],
        mode: 'copy',
        offlineSeconds: 4,
        facts: {
          neo4j: {
            nodes: 100,
            relationships: 200,
            labels: { Person: 60, Film: 40 },
            relationshipTypes: { ACTED_IN: 200 },
            indexes: [],
            constraints: [],
          },
        },
      },
      {
        name: 'vectors',
        kind: 'qdrant',
        version: '1.15.0',
        nodes: ['http://127.0.0.1:6333'],
        collections: [{ name: 'notes', points: 10, config: {}, payloadSchema: {}, aliases: ['current'] }],
      },
    ],
    failures: [],
    encryption: null,
    artifacts: [
      dump('neo4j'),
      dump('system'),
      {
        ...artifact,
        service: 'vectors',
        kind: 'qdrant-snapshot',
        name: 'notes',
        path: KEYS.artifact(set, 'vectors', 'notes.snapshot.zst'),
        compression: 'zstd',
      },
    ],
  };
}

/** So many sets, one every `everyMs`, the newest at `newest`, as keys and texts: each with its artifacts and a verdict. */
export function* sampleSets(
  count: number,
  newest: Date,
  everyMs: number,
): Generator<[key: string, text: string]> {
  for (let index = count - 1; index >= 0; index -= 1) {
    const createdAt = new Date(newest.getTime() - index * everyMs);
    const set = setId(createdAt, String(index).padStart(6, '0'));
    const manifest = sampleManifest(set, createdAt);
    for (const { path } of manifest.artifacts) yield [path, 'x'];
    // Every seventh was drilled.
    const kind = index % 7 === 0 ? 'drill' : 'verify';
    const time = new Date(createdAt.getTime() + 600_000).toISOString();
    yield [KEYS.verdict(set, time, kind, 'ok'), JSON.stringify({ set, kind, findings: { rtoSeconds: 30 } })];
    yield [KEYS.manifest(set), `${JSON.stringify(manifest, null, 2)}\n`];
  }
}

/** Write objects into a directory as a repository has them, without its care for each: many take long enough. */
export async function writeObjects(
  root: string,
  objects: Iterable<[key: string, text: string]>,
): Promise<void> {
  const made = new Set<string>();
  for (const [key, text] of objects) {
    const path = join(root, key);
    if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true });
    made.add(dirname(path));
    await writeFile(path, text);
  }
}
