// needs: docker temporal s3
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { ListMultipartUploadsCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { readSets } from '../../src/adapters/repository/catalog.ts';
import { S3Repository } from '../../src/adapters/repository/s3.ts';
import { Secret } from '../../src/config/secret.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { PruneResult } from '../../src/workflows/prune.ts';
import { type FaultProxy, type Seen, startFaultProxy } from '../adapters/fault-proxy.ts';
import { connectS3 } from '../testbed/s3.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { command } from './canary-installation.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat, unique } from './lifeboat.ts';

const PART_BYTES = 5 * 1024 * 1024;
const { s3 } = useTestbed();
const prefix = unique('append-only');
const vectors = unique('vectors');
let collections: Collections;
let proxy: FaultProxy;
let lifeboat: Lifeboat;
let repository: S3Repository;
let admin: S3Client;

/** DeleteObject and AbortMultipartUpload; DeleteObjects. */
const takesAway = ({ method, path }: Seen): boolean =>
  method === 'DELETE' || (method === 'POST' && /[?&]delete(=|&|$)/.test(path));

/** ListMultipartUploads: a right of its own, that the policy in docs/security.md does not give. */
const seesUploads = ({ method, path }: Seen): boolean => method === 'GET' && /[?&]uploads(=|&|$)/.test(path);

/** A server of the testbed has no right to write that is not one to delete, so this stands before it and answers as AWS would. */
const denied = (request: Seen) =>
  takesAway(request) || seesUploads(request)
    ? {
        status: 403,
        headers: { 'content-type': 'application/xml' },
        body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      }
    : undefined;

before(async () => {
  proxy = await startFaultProxy(s3.endpoint);
  proxy.fault = denied;
  admin = connectS3(s3);
  const bucket = { bucket: s3.bucket, prefix, endpoint: proxy.endpoint, region: s3.region };
  const { accessKeyId, secretAccessKey } = s3;
  repository = new S3Repository({
    ...{ kind: 's3', name: 'offsite', pathStyle: true, partBytes: PART_BYTES, concurrency: 2, ...bucket },
    accessKeyId: new Secret(accessKeyId),
    secretAccessKey: new Secret(secretAccessKey),
  });
  collections = await startCollections();
  await collections.make('notes', { points: 20 });
  lifeboat = await startLifeboat({
    services: { [vectors]: collections.section() },
    repositories: { offsite: { kind: 's3', ...bucket, accessKeyId, secretAccessKey } },
    retention: { keepLast: 1, minimum: 1 },
  });
});

after(async () => {
  await lifeboat?.close();
  await collections?.close();
  if (proxy) proxy.fault = () => undefined;
  for await (const { key } of repository.list('')) await repository.delete(key);
  await repository.sweep(0);
  await repository.close();
  await proxy?.close();
  admin.destroy();
});

async function keys(): Promise<string[]> {
  const found: string[] = [];
  const pages = paginateListObjectsV2({ client: admin }, { Bucket: s3.bucket, Prefix: `${prefix}/` });
  for await (const { Contents = [] } of pages)
    found.push(...Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1)));
  return found.sort();
}

async function unfinishedUploads(): Promise<number> {
  const request = new ListMultipartUploadsCommand({ Bucket: s3.bucket, Prefix: `${prefix}/` });
  return ((await admin.send(request)).Uploads ?? []).length;
}

const backup = async (): Promise<string> => {
  const { set, state } = await lifeboat.run<BackupResult>('backup');
  assert.equal(state, 'complete');
  return set;
};

describe('with credentials that may add, read and list, and delete nothing', () => {
  const sets: string[] = [];

  test('a backup is committed, verified and listed, and asks for nothing to be deleted', async () => {
    sets.push(await backup());
    await lifeboat.run('verify', { set: sets[0] });
    const [only, ...others] = await readSets(repository);
    assert.deepEqual([only?.set, others], [sets[0], []]);
    assert.ok((await keys()).some((key) => key.startsWith(`verdicts/${sets[0]}/`) && key.includes('.ok.')));
    assert.deepEqual(proxy.seen.filter(takesAway), []);
  });

  test('what a cut upload leaves is in nobody’s way', async () => {
    async function* cut() {
      yield randomBytes(2 * PART_BYTES);
      throw new Error('cut');
    }
    await assert.rejects(repository.put('sets/a/s/cut', Readable.from(cut())), { message: 'cut' });
    assert.equal(await unfinishedUploads(), 1);
    sets.push(await backup(), await backup(), await backup());
    assert.deepEqual((await readSets(repository)).map(({ set }) => set).sort(), [...sets].sort());
  });

  test('prune says which right is missing, and leaves everything as it is', async () => {
    const before = await keys();
    for (const _again of [1, 2]) {
      const { code, data } = await command(lifeboat, ['prune', '--yes']);
      assert.equal(code, 0, data.toString());
      assert.match(
        data.toString(),
        /offsite: its credentials may not delete \(s3:DeleteObject is missing\), so what retention lets go stays/,
      );
      // Two sets are let go. It can not know before it tries; it tries with one of them, and with the same one each time.
      const after = await keys();
      const added = after.filter((key) => !before.includes(key));
      assert.equal(added.length, 1, String(added));
      assert.ok(
        sets.slice(1, 3).some((set) => added[0] === `tombstones/${set}.json`),
        added[0],
      );
      assert.deepEqual(
        before.filter((key) => !after.includes(key)),
        [],
      );
    }
    await backup().then((set) => sets.push(set));
  });

  test('credentials that may delete go on where they could not', async () => {
    proxy.fault = () => undefined;
    const newest = sets.at(-1) ?? '';
    // The newest verified set stays whatever retention says; until now that was the first.
    await lifeboat.run('verify', { set: newest });
    const { repositories } = await lifeboat.run<PruneResult>('prune');
    assert.deepEqual([...(repositories.offsite?.deleted ?? [])].sort(), sets.slice(0, -1).sort());
    assert.equal(repositories.offsite?.missing, undefined);
    const left = (await keys()).filter((key) => key !== 'lifeboat.json' && !key.includes(newest));
    assert.deepEqual(left, []);
  });
});
