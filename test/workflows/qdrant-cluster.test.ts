// needs: docker temporal
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { type QdrantStandIn, startQdrantStandInCluster } from '../testbed/qdrant/stand-in.ts';
import { needsStandIn } from '../testbed/qdrant/target.ts';
import { type Lifeboat, startLifeboat, unique } from './lifeboat.ts';

const service = unique('vectors');
const COLLECTION = 'notes';
let directory: string;
let nodes: QdrantStandIn[];
let stop: () => Promise<void>;
let qdrant: Qdrant;
let lifeboat: Lifeboat;

before(async () => {
  if (needsStandIn.skip) return;
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-qdrant-cluster-'));
  ({ nodes, stop } = await startQdrantStandInCluster({ directory }));
  const [first] = nodes;
  assert.ok(first);
  qdrant = openQdrant({ name: service, url: first.url, apiKey: undefined });
  await ask('PUT', `/collections/${COLLECTION}`, {
    vectors: { size: 4, distance: 'Cosine' },
    shard_number: nodes.length,
  });
  await put(1, 40);
  lifeboat = await startLifeboat({
    services: { [service]: { kind: 'qdrant', urls: nodes.map(({ url }) => url) } },
  });
});

after(async () => {
  await lifeboat?.close();
  await qdrant?.close();
  await stop?.();
  if (directory) await rm(directory, { recursive: true, force: true });
});

async function ask(method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${nodes[0]?.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
}

const put = async (from: number, to: number) =>
  await ask('PUT', `/collections/${COLLECTION}/points?wait=true`, {
    points: Array.from({ length: to - from + 1 }, (_, at) => ({
      id: from + at,
      vector: [from + at, 1, 2, 3],
      payload: { title: `note ${from + at}` },
    })),
  });

test('a cluster of stand-ins is backed up, drilled and restored node by node', needsStandIn, async () => {
  const backedUp = await lifeboat.run<BackupResult>('backup');
  assert.equal(backedUp.state, 'complete');
  const [set] = await lifeboat.sets();
  assert.ok(set && 'manifest' in set);
  assert.deepEqual(
    set.manifest.artifacts.map(({ name, node }) => [name, node]).sort(),
    nodes.map(({ url }) => [COLLECTION, url]).sort(),
  );

  const drilled = await lifeboat.run<DrillResult>('drill');
  assert.equal(drilled.verdict, 'ok');

  await put(41, 60);
  assert.equal(await qdrant.countExact(COLLECTION), 60);
  const restored = await lifeboat.run<RestoreResult>('restore');
  assert.equal(restored.services[0]?.compared, true);
  assert.equal(await qdrant.countExact(COLLECTION), 40);

  await lifeboat.run<RestoreResult>('restore', { undo: true });
  assert.equal(await qdrant.countExact(COLLECTION), 60);
});

test('what the last stand-in alone holds is restored there, and back by an undo', needsStandIn, async () => {
  const collection = 'lone';
  await ask('PUT', `/collections/${collection}`, {
    vectors: { size: 4, distance: 'Cosine' },
    shard_number: 1,
  });
  const fill = async (from: number) =>
    await ask('PUT', `/collections/${collection}/points?wait=true`, {
      points: Array.from({ length: 10 }, (_, at) => ({ id: from + at, vector: [from + at, 1, 2, 3] })),
    });
  await fill(1);
  const turned = unique('turned');
  // The stand-in keeps the first shard on its first node, which is the last one here.
  const urls = nodes.map(({ url }) => url).reverse();
  const other = await startLifeboat({
    services: { [turned]: { kind: 'qdrant', urls, include: [collection] } },
  });
  try {
    await other.run<BackupResult>('backup');
    const [set] = await other.sets();
    assert.ok(set && 'manifest' in set);
    assert.deepEqual(
      set.manifest.artifacts.map(({ name, node }) => [name, node]),
      [[collection, urls.at(-1)]],
    );
    await fill(11);
    const restored = await other.run<RestoreResult>('restore');
    assert.equal(restored.services[0]?.compared, true);
    assert.equal(await qdrant.countExact(collection), 10);
    await other.run<RestoreResult>('restore', { undo: true });
    assert.equal(await qdrant.countExact(collection), 20);
  } finally {
    await other.close();
  }
});
