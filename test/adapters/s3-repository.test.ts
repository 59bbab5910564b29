// needs: s3
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { on, once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it, mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { S3 } from '@aws-sdk/client-s3';
import { partSizes } from '../../src/adapters/repository/part-reader.ts';
import { S3Repository } from '../../src/adapters/repository/s3.ts';
import type { S3Repository as Config } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { failsWith } from './failure.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { chunked, describeRepository, keys } from './repository-contract.ts';

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const server = useTestbed().s3;
const prefix = `s3-repository-${randomUUID()}`;
const credentials = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey };
const admin = new S3({ endpoint: server.endpoint, region: server.region, credentials, forcePathStyle: true });
const opened: S3Repository[] = [];
let proxy: FaultProxy;

function open(changes: Partial<Config> = {}): S3Repository {
  const repository = new S3Repository({
    kind: 's3',
    name: 'offsite',
    bucket: server.bucket,
    prefix: `${prefix}/${randomUUID()}`,
    region: server.region,
    endpoint: server.endpoint,
    pathStyle: true,
    accessKeyId: new Secret(server.accessKeyId),
    secretAccessKey: new Secret(server.secretAccessKey),
    partBytes: PART,
    concurrency: 3,
    ...changes,
  });
  opened.push(repository);
  return repository;
}

before(async () => {
  proxy = await startFaultProxy(server.endpoint);
});
afterEach(() => {
  proxy.fault = () => undefined;
  proxy.seen.length = 0;
});
after(async () => {
  for (const repository of opened) await repository.close();
  const all = { Bucket: server.bucket, Prefix: prefix };
  for (const { Key, UploadId } of (await admin.listMultipartUploads(all)).Uploads ?? []) {
    await admin.abortMultipartUpload({ Bucket: server.bucket, Key, UploadId });
  }
  for (let left = true; left; ) {
    const { Contents = [] } = await admin.listObjectsV2(all);
    const Objects = Contents.map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await admin.deleteObjects({ Bucket: server.bucket, Delete: { Objects } });
    left = Objects.length > 0;
  }
  await proxy.close();
  admin.destroy();
});

describeRepository('S3', async () => open());
describeRepository('S3 at the root of its folder name with slashes', async () =>
  open({ prefix: `/${prefix}/${randomUUID()}/` }),
);

describe('an S3 repository', () => {
  it('lists in pages', async () => {
    const repository = open();
    const count = 1003;
    const wanted = Array.from({ length: count }, (_, i) => `manifests/${String(i).padStart(5, '0')}.json`);
    for (let i = 0; i < count; i += 50) {
      await Promise.all(
        wanted.slice(i, i + 50).map((key) => repository.put(key, Readable.from([Buffer.from('x')]))),
      );
    }
    assert.deepEqual(await keys(repository, 'manifests/'), wanted);
    assert.deepEqual(await keys(repository, 'manifests/', wanted[1000]), wanted.slice(1001));
  });

  it('says what is wrong with the bucket, the keys and the endpoint', async () => {
    const bucket = `missing-${randomUUID().slice(0, 8)}`;
    await failsWith('RepositoryNotFound', open({ bucket }).check(), /create it/);
    await denied({ accessKeyId: new Secret('unknown') }, /does not know the accessKeyId/);
    await denied(
      { secretAccessKey: new Secret('wrong') },
      /secretAccessKey of the repository "offsite".*wrong/,
    );
    const unreachable = open({ endpoint: 'http://127.0.0.1:1' });
    await failsWith('RepositoryUnreachable', unreachable.check(), /ECONNREFUSED/);
  });

  it('can be checked and written to by credentials that may not delete', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    proxy.fault = ({ method }) => (method === 'DELETE' ? forbidden : undefined);
    await repository.check();
    await repository.check();
    await repository.put('sets/a/s/x', Readable.from([Buffer.from('x')]));
    await repository.put('sets/a/s/large', chunked(randomBytes(12 * MIB), MIB));
    assert.equal(await repository.delete('sets/a/s/x'), 'denied');
    assert.equal(await text(await repository.get('sets/a/s/x')), 'x');
    assert.equal(await repository.sweep(0), 0);
    assert.deepEqual(await keys(repository, ''), ['lifeboat.json', 'sets/a/s/large', 'sets/a/s/x']);
  });

  it('gets no new version of its descriptor at each check, also where conditions are ignored', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    const writes = () =>
      proxy.seen.filter(({ method, path }) => method === 'PUT' && path.includes('lifeboat.json')).length;
    await repository.check();
    assert.equal(writes(), 2, 'the second one is refused, as it is there');
    proxy.fault = ({ method, headers }) =>
      method === 'PUT' && headers['if-none-match'] ? { status: 200, body: '' } : undefined;
    for (let count = 0; count < 3; count += 1) await repository.check();
    assert.equal(writes(), 3, 'by which it is seen that conditions are ignored');
    assert.deepEqual(await unfinished(), []);
    proxy.fault = ({ method }) => (method === 'POST' ? forbidden : undefined);
    await failsWith('RepositoryAccessDenied', repository.check(), /do not allow writing/);
  });

  it('can be checked where conditions are not implemented', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    proxy.fault = ({ headers }) => (headers['if-none-match'] ? notImplemented : undefined);
    await repository.check();
    await repository.check();
    assert.deepEqual(await keys(repository, ''), ['lifeboat.json']);
    assert.deepEqual(await unfinished(), []);
  });

  it('names the right region when the server tells it', async () => {
    // As documented in AWS's list of error responses.
    const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'</Message><Region>eu-central-1</Region><RequestId>1</RequestId></Error>`;
    proxy.fault = () => ({ status: 400, body, headers: { 'content-type': 'application/xml' } });
    await failsWith(
      'InvalidConfiguration',
      open({ endpoint: proxy.endpoint }).check(),
      /set region to eu-central-1/,
    );
  });

  it('goes on after SlowDown and a connection that was cut in the middle of a part', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    let slowed = 0;
    let cut = 0;
    proxy.fault = ({ method, path }) => {
      if (method === 'PUT' && path.includes('partNumber=2') && slowed < 2) {
        slowed += 1;
        return slowDown;
      }
      if (method === 'PUT' && path.includes('partNumber=3') && cut < 1) {
        cut += 1;
        return { cutAfter: 2 * MIB };
      }
      return undefined;
    };
    const content = randomBytes(4 * PART + 17);
    await repository.put('sets/a/s/x', chunked(content, MIB));
    assert.deepEqual([slowed, cut], [2, 1]);
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), sum(content));
  });

  it('says that the store is slow when that lasts, and leaves no parts', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && path.includes('partNumber=2') ? slowDown : undefined;
    const source = chunked(randomBytes(4 * PART), MIB);
    const failed = await failsWith('RepositoryUnreachable', repository.put('sets/a/s/x', source), /SlowDown/);
    assert.ok(failed.retryable);
    assert.ok(source.destroyed);
    assert.equal(await repository.head('sets/a/s/x'), null);
    assert.deepEqual(await unfinished(), []);
  });

  it('goes on after the clock of this machine was days off, and after it was set right again', async () => {
    const repository = open();
    await repository.put('a', Readable.from('before'));
    try {
      for (const days of [3, -400]) {
        mock.timers.enable({ apis: ['Date'], now: Date.now() + days * 24 * 60 * 60 * 1000 });
        assert.deepEqual(await keys(repository, ''), ['a']);
        mock.timers.reset();
        assert.deepEqual(await keys(repository, ''), ['a']);
      }
    } finally {
      mock.timers.reset();
    }
  });

  it('goes on reading where a download was cut', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    const content = randomBytes(9 * MIB);
    await repository.put('sets/a/s/x', chunked(content, MIB));
    let cuts = 0;
    proxy.fault = ({ method, headers }) => {
      if (method !== 'GET' || cuts === 3) return undefined;
      cuts += 1;
      assert.equal(headers.range !== undefined, cuts > 1);
      return { cutAfter: 2 * MIB };
    };
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), sum(content));
    assert.equal(cuts, 3);
  });

  it('sends a checksum with every part, which the server compares', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    await repository.put('sets/a/s/x', chunked(randomBytes(2 * PART), MIB));
    const parts = proxy.seen.filter(({ path }) => path.includes('partNumber='));
    assert.equal(parts.length, 2);
    for (const { headers } of parts)
      assert.match(String(headers['x-amz-checksum-crc32']), /^[A-Za-z0-9+/]{6}==$/);
  });

  it('asks for storage class, encryption and retention', async () => {
    const repository = open({
      endpoint: proxy.endpoint,
      storageClass: 'STANDARD_IA',
      sse: { algorithm: 'aws:kms', keyId: 'key-1' },
      objectLock: { mode: 'COMPLIANCE', days: 30 },
    });
    // Nothing that refuses them is needed to see that they are asked for.
    proxy.fault = ({ method }) =>
      method === 'PUT' || method === 'POST' ? { status: 200, body: '' } : undefined;
    await repository.put('sets/a/s/x', Readable.from([Buffer.from('x')]));
    // Whether it may write is asked with the same: a bucket may refuse what does not say how it is to be kept.
    await repository.check();
    const writes = proxy.seen.filter(({ method }) => method === 'PUT');
    assert.equal(writes.length, 3, 'the object, the descriptor, and the descriptor once more');
    for (const { headers: sent } of writes) {
      assert.match(String(sent['x-amz-checksum-crc32']), /^[A-Za-z0-9+/]{6}==$/);
      assert.equal(sent['x-amz-storage-class'], 'STANDARD_IA');
      assert.equal(sent['x-amz-server-side-encryption'], 'aws:kms');
      assert.equal(sent['x-amz-server-side-encryption-aws-kms-key-id'], 'key-1');
      assert.equal(sent['x-amz-object-lock-mode'], 'COMPLIANCE');
      const days =
        (Date.parse(String(sent['x-amz-object-lock-retain-until-date'])) - Date.now()) / 86_400_000;
      assert.ok(days > 29.9 && days <= 30);
    }
  });

  it('sweeps the unfinished uploads of its own folder, and only those', async () => {
    const repository = open();
    const own = await admin.createMultipartUpload({
      Bucket: server.bucket,
      Key: `${folderOf(repository)}sets/a/s/x`,
    });
    const foreign = await admin.createMultipartUpload({
      Bucket: server.bucket,
      Key: `${prefix}/elsewhere/sets/a/s/x`,
    });
    assert.equal(await repository.sweep(60 * 60 * 1000), 0);
    assert.equal(await repository.sweep(0), 1);
    const left = await unfinished();
    assert.ok(left.includes(foreign.UploadId ?? ''));
    assert.ok(!left.includes(own.UploadId ?? ''));
    await admin.abortMultipartUpload({
      Bucket: server.bucket,
      Key: `${prefix}/elsewhere/sets/a/s/x`,
      UploadId: foreign.UploadId,
    });
  });

  it('lets only one of two writers of a key win', async () => {
    const repository = open();
    const put = (size: number) => repository.put('sets/a/s/x', chunked(randomBytes(size), MIB));
    const outcomes = await Promise.allSettled([put(2 * PART), put(2 * PART), put(100)]);
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(await unfinished(), []);
  });
});

describe('an upload that was cut', () => {
  const content = randomBytes(12 * PART + 1000);

  it('by kill -9 goes on from its last part', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    const program = fileURLToPath(new URL('upload-until-killed.ts', import.meta.url));
    const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.send({ config: configOf(repository, proxy.endpoint), seed: 7, bytes: content.length });
    let uploadId = '';
    let acknowledged = 0;
    for await (const [message] of on(child, 'message')) {
      if ('uploadId' in message) uploadId = message.uploadId;
      if ('acknowledged' in message) acknowledged = message.acknowledged;
      if (acknowledged >= 5 * PART) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const before = partsSent();
    assert.equal(await repository.head('sets/a/s/x'), null);
    const { generated } = await import('./upload-until-killed.ts');
    await repository.put('sets/a/s/x', generated(7, content.length), { resume: { uploadId } });
    const twice = partsSent().length - new Set(partsSent()).size;
    assert.ok(before.length >= 5);
    assert.ok(twice <= 3, `${twice} parts were sent twice`);
    const expected = createHash('sha256');
    for await (const chunk of generated(7, content.length)) expected.update(chunk);
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), expected.digest('hex'));
    assert.deepEqual(await unfinished(), []);
  });

  it('sends changed parts again, or refuses when they must not change', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    const uploadId = await cutUpload(repository, content);
    const changed = Buffer.from(content);
    changed[PART + 5] = (changed[PART + 5] ?? 0) ^ 1;
    const refusing = repository.put('sets/a/s/x', chunked(changed, MIB), {
      resume: { uploadId, requireSame: true },
    });
    await failsWith('ChecksumMismatch', refusing, /has changed/);
    const again = await cutUpload(repository, content);
    await repository.put('sets/a/s/x', chunked(changed, MIB), { resume: { uploadId: again } });
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), sum(changed));
  });

  it('begins anew when the upload is gone, or was cut in other parts', async () => {
    const repository = open({ endpoint: proxy.endpoint });
    const gone = await cutUpload(repository, content);
    await repository.sweep(0);
    let begun = '';
    const onUpload = (id: string) => {
      begun = id;
    };
    await repository.put('sets/a/s/x', chunked(content, MIB), { resume: { uploadId: gone, onUpload } });
    assert.ok(begun !== '' && begun !== gone);
    assert.equal(sum(await buffer(await repository.get('sets/a/s/x'))), sum(content));
    await repository.delete('sets/a/s/x');
    const old = await cutUpload(repository, content);
    const larger = open({ ...configOf(repository, server.endpoint), ...secrets(), partBytes: 6 * MIB });
    await larger.put('sets/a/s/x', chunked(content, MIB), { resume: { uploadId: old } });
    assert.equal(sum(await buffer(await larger.get('sets/a/s/x'))), sum(content));
    assert.deepEqual(await unfinished(), []);
  });

  it('is finished when only its answer was lost', async () => {
    const repository = open();
    let uploadId = '';
    const onUpload = (id: string) => {
      uploadId = id;
    };
    await repository.put('sets/a/s/x', chunked(content, MIB), { resume: { onUpload } });
    const again = await repository.put('sets/a/s/x', chunked(content, MIB), { resume: { uploadId } });
    assert.equal(again.bytes, content.length);
    await failsWith('KeyExists', repository.put('sets/a/s/x', chunked(content, MIB)));
  });

  it('is removed when it was cancelled', async () => {
    const repository = open();
    const cancel = new AbortController();
    const onProgress = () => cancel.abort();
    const put = repository.put('sets/a/s/x', chunked(content, MIB), {
      resume: {},
      signal: cancel.signal,
      onProgress,
    });
    await assert.rejects(put, { name: 'AbortError' });
    assert.deepEqual(await unfinished(), []);
  });

  /** Puts half of it and lets the store fail; answers what to resume by. */
  async function cutUpload(repository: S3Repository, bytes: Buffer): Promise<string> {
    let uploadId = '';
    const onUpload = (id: string) => {
      uploadId = id;
    };
    const source = Readable.from(
      (async function* () {
        yield* chunked(bytes.subarray(0, 6 * PART), MIB);
        throw new Error('cut');
      })(),
    );
    await assert.rejects(repository.put('sets/a/s/x', source, { resume: { onUpload } }), { message: 'cut' });
    return uploadId;
  }
});

describe('part sizes', () => {
  it('fit what is known to come into 10,000 parts', () => {
    assert.equal(partSizes(16 * MIB, 1000)(1), 16 * MIB);
    const size = partSizes(16 * MIB, 1024 ** 4)(1);
    assert.equal(size % MIB, 0);
    assert.ok(size * 10_000 >= 1024 ** 4);
  });

  it('grow when nobody knows how much will come', () => {
    const sizes = partSizes(16 * MIB, undefined);
    let all = 0;
    for (let part = 1; part <= 10_000; part += 1) all += sizes(part);
    assert.equal(sizes(1), 16 * MIB);
    assert.ok(all > 900 * 1024 * MIB);
  });
});

const xml = { 'content-type': 'application/xml' };
const slowDown = {
  status: 503,
  headers: xml,
  body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
};
const notImplemented = {
  status: 501,
  headers: xml,
  body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented.</Message></Error>',
};
const forbidden = {
  status: 403,
  headers: xml,
  body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
};

async function denied(changes: Partial<Config>, says: RegExp): Promise<void> {
  const repository = open(changes);
  await failsWith('RepositoryAccessDenied', repository.check(), says);
  await failsWith(
    'RepositoryAccessDenied',
    repository.put('sets/a/s/x', Readable.from([Buffer.from('x')])),
    says,
  );
}

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The folder of a repository in its bucket, with a slash at its end. */
const folderOf = ({ location }: S3Repository): string => `${location.split('/').slice(3).join('/')}/`;

const secrets = () => ({
  accessKeyId: new Secret(server.accessKeyId),
  secretAccessKey: new Secret(server.secretAccessKey),
});

/** The configuration of a repository, as it can be sent to another process. */
const configOf = (repository: S3Repository, endpoint: string) => ({
  kind: 's3' as const,
  name: 'offsite',
  bucket: server.bucket,
  prefix: folderOf(repository),
  region: server.region,
  endpoint,
  pathStyle: true,
  partBytes: PART,
  concurrency: 3,
  credentials,
});

/** Numbers of the parts that were sent, in their order. */
const partsSent = (): string[] =>
  proxy.seen.flatMap(({ method, path }) =>
    method === 'PUT' ? (/partNumber=(\d+)/.exec(path)?.[1] ?? []) : [],
  );

/** Unfinished uploads of this test's own folder. */
async function unfinished(): Promise<string[]> {
  const { Uploads = [] } = await admin.listMultipartUploads({ Bucket: server.bucket, Prefix: prefix });
  return Uploads.map(({ UploadId = '' }) => UploadId);
}
