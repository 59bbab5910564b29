// needs: docker temporal s3
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { listSets, readManifest } from '../../src/adapters/repository/catalog.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import { Secret } from '../../src/config/secret.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { VerifyResult } from '../../src/workflows/verify.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';
import { type S3Server, startS3 } from '../testbed/s3.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { type Lifeboat, startLifeboat, unique } from '../workflows/lifeboat.ts';

const testbed = useTestbed();
const service = unique('vectors');
const directory = `${testbed.directory}/${unique('s3')}`;
let qdrant: QdrantTarget;
let s3: S3Server;
let lifeboat: Lifeboat;

const offsite = () =>
  openRepository({
    kind: 's3',
    name: 'offsite',
    bucket: s3.bucket,
    prefix: 'sets',
    region: s3.region,
    endpoint: s3.endpoint,
    pathStyle: true,
    accessKeyId: new Secret(s3.accessKeyId),
    secretAccessKey: new Secret(s3.secretAccessKey),
    partBytes: 8 * 1024 * 1024,
    concurrency: 2,
  });

before(async () => {
  qdrant = await qdrantTarget();
  const collection = qdrant.unique('notes');
  const ask = async (path: string, body: object) => {
    const response = await fetch(`${qdrant.url}/collections/${collection}${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...(qdrant.apiKey ? { 'api-key': qdrant.apiKey } : {}) },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
  };
  await ask('', { vectors: { size: 4, distance: 'Dot' } });
  await ask('/points?wait=true', { points: [{ id: 1, vector: [1, 2, 3, 4], payload: { title: 'one' } }] });
  s3 = await startS3({ directory });
  lifeboat = await startLifeboat({
    services: {
      [service]: {
        kind: 'qdrant',
        url: qdrant.url,
        include: [collection],
        ...(qdrant.apiKey ? { apiKey: qdrant.apiKey } : {}),
      },
    },
    repositories: {
      local: { kind: 'directory', path: await repositoryPath() },
      offsite: {
        kind: 's3',
        bucket: s3.bucket,
        prefix: 'sets',
        region: s3.region,
        endpoint: s3.endpoint,
        accessKeyId: s3.accessKeyId,
        secretAccessKey: s3.secretAccessKey,
      },
    },
  });
});

after(async () => {
  await lifeboat?.close();
  await s3?.stop();
  await qdrant?.close();
  await rm(directory, { recursive: true, force: true });
});

async function repositoryPath(): Promise<string> {
  return await mkdtemp(`${testbed.directory}/repository-`);
}

test('with S3 away the set is committed at home, and the copy is made by itself when S3 is back', async () => {
  const { port } = new URL(s3.endpoint);
  const keys = { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey };
  await s3.stop();
  const handle = await lifeboat.start('backup');
  const local = await committedAtHome(handle);
  assert.equal((await handle.describe()).status.name, 'RUNNING', 'it waits for the copy');

  s3 = await startS3({ directory, port: Number(port), ...keys });
  const result = (await handle.result()) as BackupResult;
  assert.deepEqual(result.repositories, { local: 'ok', offsite: 'ok' });
  assert.equal(result.set, local);
  const copy = offsite();
  assert.deepEqual(
    (await listSets(copy)).map(({ set }) => set),
    [result.set],
  );
  assert.equal((await readManifest(copy, result.set)).artifacts.length, 1);
  const verified = await lifeboat.run<VerifyResult>('verify', { repository: 'offsite' });
  assert.deepEqual([verified.verdict, verified.depth], ['ok', 'content']);
});

/** The set that the primary repository has while the run still waits for its copy. */
async function committedAtHome(handle: { query<T>(name: string): Promise<T> }): Promise<string> {
  let committed = '';
  await until('a set that is copied to the other repositories', async () => {
    const { phase, set } = await handle.query<{ phase: string; set?: string }>('progress').catch(() => ({
      phase: '',
      set: undefined,
    }));
    if (phase === 'replicating' && set) committed = set;
    return committed !== '';
  });
  return committed;
}
