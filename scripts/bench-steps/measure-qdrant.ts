import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { startLifeboat } from '../../test/workflows/lifeboat.ts';
import {
  deleteVectors,
  loadVectors,
  type QdrantAddress,
  qdrantClient,
  SAMPLE_COLLECTIONS,
} from '../quickstart-steps/sample-vectors.ts';

/** Seconds that a backup and a restore of the sample collections took. */
export interface QdrantFigures {
  /** False: a stand-in answered, whose speed says nothing about Qdrant's. */
  real: boolean;
  byHand: { backup: number; restore: number };
  lifeboat: { backup: number; restore: number };
}

/** Create, copy out and upload the snapshots of two collections by plain requests; then the same by Lifeboat, hashed, walked and compared. */
export async function measureQdrant(): Promise<QdrantFigures> {
  const { qdrant, directory } = useTestbed();
  const files = await mkdtemp(join(directory, 'snapshots-'));
  await loadVectors(qdrant);
  const others = await snapshots(qdrant);
  const lifeboat = await startLifeboat({
    services: {
      vectors: {
        kind: 'qdrant',
        url: qdrant.url,
        include: [...SAMPLE_COLLECTIONS],
        ...(qdrant.apiKey ? { apiKey: qdrant.apiKey } : {}),
      },
    },
  });
  try {
    const backup = await secondsOf(async () => await copyOut(qdrant, files));
    const restore = await secondsOf(async () => await upload(qdrant, files));
    const { set, seconds } = await lifeboat.run<BackupResult>('backup');
    const restored = await lifeboat.run<RestoreResult>('restore', { set });
    return {
      real: qdrant.real,
      byHand: { backup, restore },
      lifeboat: { backup: seconds, restore: restored.seconds },
    };
  } finally {
    await lifeboat.close();
    for (const path of await snapshots(qdrant)) {
      if (!others.includes(path)) await ask(qdrant, 'DELETE', path);
    }
    await deleteVectors(qdrant);
    await rm(files, { recursive: true, force: true });
  }
}

/** The paths of all snapshots of the collections. They outlive a collection: somebody's may be among them. */
async function snapshots(server: QdrantAddress): Promise<string[]> {
  const client = qdrantClient(server);
  try {
    const paths: string[] = [];
    for (const collection of SAMPLE_COLLECTIONS) {
      const listed = await client.listSnapshots(collection);
      paths.push(...listed.map(({ name }) => `/collections/${collection}/snapshots/${name}`));
    }
    return paths;
  } finally {
    await client.close();
  }
}

async function copyOut(server: QdrantAddress, files: string): Promise<void> {
  for (const collection of SAMPLE_COLLECTIONS) {
    const path = `/collections/${collection}/snapshots`;
    const created = (await (await ask(server, 'POST', path)).json()) as { result: { name: string } };
    const snapshot = `${path}/${created.result.name}`;
    const { body } = await ask(server, 'GET', snapshot);
    await writeFile(
      join(files, collection),
      Readable.fromWeb(body as import('node:stream/web').ReadableStream),
    );
    await ask(server, 'DELETE', snapshot);
  }
}

async function upload(server: QdrantAddress, files: string): Promise<void> {
  for (const collection of SAMPLE_COLLECTIONS) {
    const form = new FormData();
    form.set('snapshot', await openAsBlob(join(files, collection)), `${collection}.snapshot`);
    await ask(server, 'POST', `/collections/${collection}/snapshots/upload?priority=snapshot`, form);
  }
}

async function ask(
  { url, apiKey }: QdrantAddress,
  method: string,
  path: string,
  body?: FormData,
): Promise<Response> {
  const headers = apiKey ? { 'api-key': apiKey } : undefined;
  const response = await fetch(url + path, {
    method,
    ...(headers ? { headers } : {}),
    ...(body ? { body } : {}),
  });
  if (!response.ok) {
    throw new Error(`Qdrant answered ${response.status} to ${method} ${path}: ${await response.text()}`);
  }
  return response;
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
