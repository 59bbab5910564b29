// needs: docker temporal s3
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { VerifyResult } from '../../src/workflows/verify.ts';
import { type FaultProxy, startFaultProxy } from '../adapters/fault-proxy.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';
import { connectS3 } from '../testbed/s3.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { type Lifeboat, startLifeboat, unique } from '../workflows/lifeboat.ts';

const MIB = 1024 * 1024;
/** Parts that are under way at the same time: as many may be sent twice. */
const CONCURRENCY = 2;
/** Random text of which zstd leaves three quarters: eight parts of 5 MiB. */
const TEXTS = 50;
const CUT_AT = 5;

const server = useTestbed().s3;
const prefix = `resumed-upload-${randomUUID()}`;
let qdrant: QdrantTarget;
let proxy: FaultProxy;
let s3: S3Client;
let lifeboat: Lifeboat;
let key: string;

before(async () => {
  s3 = connectS3(server);
  proxy = await startFaultProxy(server.endpoint);
  qdrant = await qdrantTarget();
  const collection = qdrant.unique('texts');
  await ask(`/collections/${collection}`, { vectors: { size: 4, distance: 'Dot' } });
  for (let id = 1; id <= TEXTS; id += 10) {
    const points = Array.from({ length: 10 }, (_, at) => ({
      id: id + at,
      vector: [1, 2, 3, 4],
      payload: { text: randomBytes((MIB * 3) / 4).toString('base64') },
    }));
    await ask(`/collections/${collection}/points?wait=true`, { points });
  }
  key = await generateX25519Identity();
  const { url, apiKey } = qdrant;
  lifeboat = await startLifeboat({
    services: {
      [unique('vectors')]: { kind: 'qdrant', url, include: [collection], ...(apiKey ? { apiKey } : {}) },
    },
    repositories: {
      offsite: {
        kind: 's3',
        bucket: server.bucket,
        prefix,
        region: server.region,
        endpoint: proxy.endpoint,
        accessKeyId: server.accessKeyId,
        secretAccessKey: server.secretAccessKey,
        partSize: '5MiB',
        concurrency: CONCURRENCY,
      },
    },
    encryption: { recipients: [await identityToRecipient(key)], identities: [key] },
  });
});

beforeEach(() => {
  proxy.seen.length = 0;
});

after(async () => {
  await lifeboat?.close();
  await qdrant?.close();
  await proxy?.close();
  s3?.destroy();
});

test('an encrypted upload that was cut by kill -9 goes on from its last part', async () => {
  const killed = killAtPart(CUT_AT);
  const handle = await lifeboat.start('backup');
  await killed;
  const before = partsSent();
  assert.ok(before.length >= CUT_AT - CONCURRENCY, `${before.length} parts had left when the worker died`);
  assert.equal((await unfinished()).length, 1);
  assert.equal((await notes()).length, 1);

  await lifeboat.startWorker();
  const result = (await handle.result()) as BackupResult;
  const all = partsSent();
  const parts = new Set(all);
  assert.ok(parts.size >= CUT_AT + CONCURRENCY + 1, `${parts.size} parts are too few to see anything`);
  const twice = all.length - parts.size;
  assert.ok(twice <= CONCURRENCY, `${twice} parts were sent twice: ${all.join(' ')}`);
  assert.deepEqual([await unfinished(), await notes()], [[], []]);
  const { verdict } = await lifeboat.run<VerifyResult>('verify', { set: result.set });
  assert.equal(verdict, 'ok');
});

test('of an upload whose run was terminated while no worker lived, the next one leaves nothing', async () => {
  const killed = killAtPart(3);
  const handle = await lifeboat.start('backup');
  await killed;
  assert.equal((await unfinished()).length, 1);
  const [note = ''] = await notes();
  assert.ok(!(await readFile(note, 'utf8')).includes(server.secretAccessKey));
  await handle.terminate('by a test');
  await lifeboat.startWorker();
  const isTidy = async () => (await unfinished()).length + (await notes()).length === 0;
  await until('a server without unfinished uploads, and no notes of them', isTidy, { everyMs: 200 });
});

/** Resolves when the worker is dead, which it is from the moment on in which this part arrives. */
async function killAtPart(number: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    proxy.fault = ({ method, path }) => {
      if (method === 'PUT' && path.includes(`partNumber=${number}&`)) {
        proxy.fault = () => undefined;
        lifeboat.worker.kill('SIGKILL').then(resolve, reject);
      }
      return undefined;
    };
  });
}

async function ask(path: string, body: object): Promise<void> {
  const response = await fetch(`${qdrant.url}${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(qdrant.apiKey ? { 'api-key': qdrant.apiKey } : {}) },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Numbers of the parts that were sent, in their order. */
const partsSent = (): string[] =>
  proxy.seen.flatMap(({ method, path }) =>
    method === 'PUT' ? (/partNumber=(\d+)/.exec(path)?.[1] ?? []) : [],
  );

async function unfinished(): Promise<string[]> {
  const uploads = new ListMultipartUploadsCommand({ Bucket: server.bucket, Prefix: prefix });
  return ((await s3.send(uploads)).Uploads ?? []).map(({ Key = '' }) => Key);
}

/** Files with notes of uploads under way. */
async function notes(): Promise<string[]> {
  const directory = join(lifeboat.directory, 'uploads');
  return (await readdir(directory)).map((name) => join(directory, name));
}
