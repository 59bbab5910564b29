// needs: gcs
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { GcsRepository } from '../../src/adapters/repository/gcs.ts';
import type { GcsRepository as Config } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { failsWith } from './failure.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { chunked, describeRepository, keys } from './repository-contract.ts';

const MIB = 1024 * 1024;
const { endpoint } = useTestbed().gcs;
const bucket = `lifeboat-${randomUUID()}`;
let proxy: FaultProxy;

const open = (changes: Partial<Config> = {}) =>
  new GcsRepository({ kind: 'gcs', name: 'offsite', bucket, prefix: randomUUID(), endpoint, ...changes });

before(async () => {
  const created = await fetch(`${endpoint}/storage/v1/b?project=test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: bucket }),
  });
  assert.ok(created.ok);
  proxy = await startFaultProxy(endpoint);
});
after(async () => {
  await proxy.close();
  const all = new GcsRepository({ kind: 'gcs', name: 'all', bucket, prefix: '', endpoint });
  for await (const { key } of all.list('')) await all.delete(key);
  await fetch(`${endpoint}/storage/v1/b/${bucket}`, { method: 'DELETE' });
});

describeRepository('GCS', async () => open());

describe('a GCS repository', () => {
  it('writes in pieces what is larger than one', async () => {
    const repository = open();
    const content = randomBytes(40 * MIB + 7);
    await repository.put('sets/a/s/x', chunked(content, MIB), { bytes: content.length });
    const back = await buffer(await repository.get('sets/a/s/x'));
    assert.equal(sum(back), sum(content));
  });

  it('says what is wrong with bucket, endpoint and credentials', async () => {
    await failsWith('RepositoryNotFound', open({ bucket: 'missing-bucket' }).check(), /create the bucket/);
    await failsWith('RepositoryUnreachable', open({ endpoint: 'http://127.0.0.1:1' }).head('sets/a'));
    assert.throws(() => open({ credentials: new Secret('not json at all') }), {
      type: 'InvalidConfiguration',
      message: /not JSON/,
    });
    const wrong = JSON.stringify({ client_email: 'a@example.com', private_key: 'wrong-private-key' });
    const failed = await failsWith(
      'RepositoryAccessDenied',
      open({ credentials: new Secret(wrong) }).check(),
    );
    assert.ok(!failed.message.includes('wrong-private-key'));
  });

  it('can be checked and written to by credentials that may not delete', async () => {
    const refused = (message: string) => ({
      status: 403,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ error: { code: 403, message, errors: [{ message, reason: 'forbidden' }] } }),
    });
    let answer = refused("The object is subject to the bucket's retention policy and can not be deleted.");
    proxy.fault = ({ method }) => (method === 'DELETE' ? answer : undefined);
    const repository = open({ endpoint: proxy.endpoint });
    await repository.check();
    await repository.check();
    await repository.put('sets/a/s/x', Readable.from([Buffer.from('x')]));
    assert.equal(await repository.delete('sets/a/s/x'), 'locked');
    answer = refused(
      'worker does not have storage.objects.delete access to the Google Cloud Storage object.',
    );
    assert.equal(await repository.delete('sets/a/s/x'), 'denied');
    assert.deepEqual(await keys(repository, ''), ['lifeboat.json', 'sets/a/s/x']);
  });

  it('goes on reading where a download was cut', async () => {
    const content = randomBytes(9 * MIB);
    const repository = open({ endpoint: proxy.endpoint });
    proxy.fault = () => undefined;
    await repository.put('sets/a/s/x', chunked(content, MIB));
    let cuts = 0;
    proxy.fault = ({ method, path }) => {
      if (method !== 'GET' || !path.includes('alt=media') || cuts === 2) return undefined;
      cuts += 1;
      return { cutAfter: 2 * MIB };
    };
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), sum(content));
    assert.equal(cuts, 2);
  });
});

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
