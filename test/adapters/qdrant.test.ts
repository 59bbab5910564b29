// needs: nothing
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it, type TestContext } from 'node:test';
import { compareCollection } from '../../src/adapters/qdrant/compare-collection.ts';
import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { recoverSnapshot } from '../../src/adapters/qdrant/recover-snapshot.ts';
import { changedPoints, hashPoints, samplePoints } from '../../src/adapters/qdrant/sample.ts';
import { walkingThrough, walkSnapshot } from '../../src/adapters/qdrant/snapshot-walker.ts';
import { takeSnapshot } from '../../src/adapters/qdrant/take-snapshot.ts';
import { uniqueUploadName } from '../../src/adapters/qdrant/upload.ts';
import { Secret } from '../../src/config/secret.ts';
import { type BreakingProxy, breakingProxy } from '../testbed/qdrant/breaking-proxy.ts';
import { recordedSnapshot } from '../testbed/qdrant/recording.ts';
import { type QdrantTarget, qdrantTarget } from '../testbed/qdrant/target.ts';
import { failsWith } from './failure.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let target: QdrantTarget;
let qdrant: Qdrant;

function client(url = target.url, timeouts = {}): Qdrant {
  const apiKey = target.apiKey === undefined ? undefined : new Secret(target.apiKey);
  return openQdrant({ name: 'vectors', url, apiKey, timeouts });
}

/** A client whose way to the server breaks as told; closed with the test, passed or failed. */
async function brokenWay(
  test: TestContext,
  cuts: readonly number[],
  before?: (connection: number) => Promise<void>,
): Promise<{ proxy: BreakingProxy; broken: Qdrant }> {
  const proxy = await breakingProxy(target.url, cuts, before);
  const broken = client(proxy.url);
  test.after(async () => {
    await broken.close();
    await proxy.close();
  });
  return { proxy, broken };
}

/** What the adapter has no call for: making and changing points, which Lifeboat never does. */
async function ask(method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(target.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...(target.apiKey ? { 'api-key': target.apiKey } : {}) },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}

async function seed(name: string, points = 50): Promise<string> {
  const collection = target.unique(name);
  await ask('PUT', `/collections/${collection}`, { vectors: { size: 4, distance: 'Cosine' } });
  await ask('PUT', `/collections/${collection}/index?wait=true`, {
    field_name: 'tag',
    field_schema: 'keyword',
  });
  await ask('PUT', `/collections/${collection}/points?wait=true`, {
    points: Array.from({ length: points }, (_, at) => ({
      id: at + 1,
      vector: [at + 1, 0.5, (at * 7) % 11, 1 / (at + 1)],
      payload: { title: `note ${at + 1}`, tag: at % 2 ? 'a' : 'b' },
    })),
  });
  return collection;
}

async function removePoints(collection: string, points: number[]): Promise<void> {
  await ask('POST', `/collections/${collection}/points/delete?wait=true`, { points });
}

async function upload(collection: string, content: Buffer, checksum = sha256(content)): Promise<string> {
  const fileName = `lifeboat-${target.unique('upload')}-${Math.random().toString(36).slice(2)}.snapshot`;
  await qdrant.uploadSnapshot(collection, {
    fileName,
    source: Readable.from([content], { objectMode: false }),
    bytes: content.length,
    checksum,
    priority: 'snapshot',
  });
  return fileName;
}

before(async () => {
  target = await qdrantTarget({ keys: true });
  qdrant = client();
});
after(async () => {
  await qdrant?.close();
  await target?.close();
});

describe('asking a Qdrant server', () => {
  it('tells its version, its readiness and its collections', async () => {
    const collection = await seed('asking', 7);
    assert.match(await qdrant.version(), /^\d+\.\d+\.\d+/);
    assert.equal(await qdrant.ready(), true);
    assert.ok((await qdrant.collections()).includes(collection));
    assert.equal(await qdrant.exists(collection), true);
    assert.equal(await qdrant.exists(target.unique('never')), false);
    assert.equal(await qdrant.countExact(collection), 7);
    const info = await qdrant.collectionInfo(collection);
    assert.deepEqual(info.config.params.vectors, { size: 4, distance: 'Cosine' });
    assert.equal(info.payload_schema.tag?.data_type, 'keyword');
    const { localShards, shardCount } = await qdrant.collectionCluster(collection);
    assert.equal(shardCount, 1);
    assert.equal(localShards[0]?.points, 7);
    assert.equal(typeof (await qdrant.cluster()).enabled, 'boolean');
  });

  it('names what is missing', async () => {
    const collection = await seed('missing', 1);
    const never = target.unique('never');
    await failsWith('CollectionNotFound', qdrant.collectionInfo(never), new RegExp(never));
    await failsWith('CollectionNotFound', qdrant.countExact(never));
    await failsWith('CollectionNotFound', qdrant.createSnapshot(never));
    await failsWith('SnapshotNotFound', qdrant.downloadSnapshot(collection, 'nope.snapshot'), /nope/);
    assert.equal(await qdrant.deleteSnapshot(collection, 'nope.snapshot'), false);
    assert.equal(await qdrant.deleteCollection(never), false);
  });

  it('moves aliases in one step', async () => {
    const [old, fresh] = [await seed('old', 1), await seed('fresh', 2)];
    const [live, next] = [target.unique('live'), target.unique('next')];
    const ours = async (): Promise<string[]> =>
      (await qdrant.aliases())
        .filter((one) => one.collection === old || one.collection === fresh)
        .map((one) => `${one.alias} → ${one.collection}`)
        .sort();
    await qdrant.setAliases(old, [live]);
    assert.deepEqual(await ours(), [`${live} → ${old}`]);
    await qdrant.setAliases(fresh, [live, next]);
    assert.deepEqual(await ours(), [`${live} → ${fresh}`, `${next} → ${fresh}`]);
    assert.equal(await qdrant.countExact(live), 2);
    await qdrant.deleteAliases([next, target.unique('never')]);
    assert.deepEqual(await ours(), [`${live} → ${fresh}`]);
    await failsWith('CollectionNotFound', qdrant.setAliases(target.unique('never'), [live]));
    await failsWith('QdrantRefused', qdrant.setAliases(old, [live, fresh]), /can't be an alias/);
    assert.deepEqual(await ours(), [`${live} → ${fresh}`]);
  });

  it('samples the same points however they are asked for', async () => {
    const collection = await seed('sampled', 200);
    const sample = await samplePoints(qdrant, collection);
    assert.equal(sample.length, 32);
    assert.deepEqual(await samplePoints(qdrant, collection), sample);
    const ids = sample.map((point) => point.id);
    assert.deepEqual(await hashPoints(qdrant, collection, ids), sample);
    const [changed, gone] = [ids[3] as number, ids[7] as number];
    await ask('POST', `/collections/${collection}/points/payload?wait=true`, {
      points: [changed],
      payload: { title: 'other' },
    });
    await removePoints(collection, [gone]);
    const live = await hashPoints(qdrant, collection, ids);
    assert.deepEqual(changedPoints(sample, live), [changed, gone]);
  });

  it('samples UUIDs and ids beyond 2^53 and named vectors', async () => {
    const collection = target.unique('ids');
    await ask('PUT', `/collections/${collection}`, {
      vectors: { text: { size: 3, distance: 'Dot' }, image: { size: 2, distance: 'Euclid' } },
    });
    const vector = { text: [1, 2, 3], image: [4, 5] };
    const body = JSON.stringify({
      points: [
        { id: 'c0ffee00-0000-4000-8000-000000000001', vector },
        { id: 7, vector, payload: { deep: { list: [1, { a: null }] } } },
        { id: 'LONG', vector },
      ],
    }).replace('"LONG"', '18446744073709551557');
    const response = await fetch(`${target.url}/collections/${collection}/points?wait=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...(target.apiKey ? { 'api-key': target.apiKey } : {}) },
      body,
    });
    assert.equal(response.status, 200, await response.text());
    const sample = await samplePoints(qdrant, collection);
    const ids = sample.map((point) => String(point.id)).sort();
    assert.deepEqual(ids, ['18446744073709551557', '7', 'c0ffee00-0000-4000-8000-000000000001']);
    assert.equal((await hashPoints(qdrant, collection, ['18446744073709551557'])).length, 1);
  });
});

describe('keys', () => {
  it('are refused when wrong or absent', async (test) => {
    if (!target.apiKey) return test.skip('the configured server wants no API key');
    for (const apiKey of [undefined, new Secret('a-wrong-key')]) {
      const other = openQdrant({ name: 'vectors', url: target.url, apiKey });
      const error = await failsWith('QdrantUnauthorized', other.collections(), /apiKey/);
      assert.doesNotMatch(error.message, /a-wrong-key/);
      assert.equal(await other.ready(), true);
      await other.close();
    }
  });

  it('that only read can not take a snapshot', async (test) => {
    if (!target.readOnlyApiKey) return test.skip('no read-only key is configured');
    const collection = await seed('read_only', 1);
    const reader = openQdrant({
      name: 'vectors',
      url: target.url,
      apiKey: new Secret(target.readOnlyApiKey),
    });
    assert.equal(await reader.countExact(collection), 1);
    await failsWith('QdrantForbidden', reader.createSnapshot(collection), /manage access/);
    await reader.close();
  });
});

describe('snapshots', () => {
  it('are taken, listed, downloaded whole, walked and deleted', async () => {
    const collection = await seed('whole');
    const taken = await takeSnapshot(qdrant, { collection, known: [], retry: false });
    assert.equal(taken.adopted, false);
    const { name, size, checksum } = taken.snapshot;
    assert.deepEqual(
      (await qdrant.listSnapshots(collection)).map((one) => one.name),
      [name],
    );
    const progress: number[] = [];
    const { through, walked } = walkingThrough();
    const stream = await qdrant.downloadSnapshot(collection, name, {
      onProgress: (bytes) => progress.push(bytes),
    });
    const content = await buffer(stream.pipe(through));
    assert.equal(content.length, size);
    assert.equal(progress.at(-1), size);
    assert.equal(sha256(content), checksum);
    const walk = await walked;
    assert.equal(walk.shards, 1);
    assert.ok(walk.files > 10 && walk.bytes > size);
    assert.equal(await qdrant.deleteSnapshot(collection, name), true);
    assert.equal(await qdrant.deleteSnapshot(collection, name), false);
    assert.deepEqual(await qdrant.listSnapshots(collection), []);
  });

  it('are downloaded on from where the connection broke, again and again', async (test) => {
    const collection = await seed('resumed');
    const { name, checksum, size } = await qdrant.createSnapshot(collection);
    const cuts = [Math.floor(size / 3), 5000, Math.floor(size / 4)];
    const { proxy, broken } = await brokenWay(test, cuts);
    const content = await buffer(await broken.downloadSnapshot(collection, name));
    assert.equal(sha256(content), checksum);
    assert.equal(proxy.connections(), 4);
  });

  it('are given up when connections bring nothing', async (test) => {
    const collection = await seed('given_up');
    const { name } = await qdrant.createSnapshot(collection);
    const { proxy, broken } = await brokenWay(test, [5000, ...Array<number>(20).fill(0)]);
    await failsWith(
      'QdrantUnreachable',
      buffer(await broken.downloadSnapshot(collection, name, { pauseMs: 5 })),
    );
    assert.equal(proxy.connections(), 9);
  });

  it('that change while they are downloaded are not glued together', async (test) => {
    const collection = await seed('changed');
    const { name } = await qdrant.createSnapshot(collection);
    const { broken } = await brokenWay(test, [5000], async (connection) => {
      if (connection !== 2) return;
      // An upload of the same name takes its place, even one that is then refused.
      const other = recordedSnapshot().subarray(0, 40_000);
      const options = { bytes: other.length, checksum: sha256(other), priority: 'snapshot' as const };
      const source = Readable.from([other], { objectMode: false });
      await assert.rejects(qdrant.uploadSnapshot(collection, { fileName: name, source, ...options }));
    });
    await failsWith(
      'SnapshotIncomplete',
      buffer(await broken.downloadSnapshot(collection, name)),
      /same file/,
    );
    assert.equal(await qdrant.countExact(collection), 50);
  });

  it('stop at once when they are aborted', async () => {
    const collection = await seed('aborted');
    const { name } = await qdrant.createSnapshot(collection);
    const abort = new AbortController();
    const stream = await qdrant.downloadSnapshot(collection, name, {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await assert.rejects(buffer(stream), /enough/);
  });

  it('whose answer was lost are adopted by the retry', async (test) => {
    const collection = await seed('adopted');
    const known = (await qdrant.listSnapshots(collection)).map((one) => one.name);
    const { broken } = await brokenWay(test, [0]);
    await failsWith('QdrantUnreachable', takeSnapshot(broken, { collection, known, retry: false }));
    const { snapshot, adopted, superseded } = await takeSnapshot(broken, {
      collection,
      known,
      retry: true,
      quietMs: 50,
      pollMs: 50,
    });
    assert.equal(adopted, true);
    assert.deepEqual(superseded, []);
    assert.deepEqual(await qdrant.listSnapshots(collection), [snapshot]);
  });

  it('that no earlier attempt left are taken by the retry, and uploaded files are not taken for one', async () => {
    const collection = await seed('not_adopted');
    const uploaded = await upload(collection, recordedSnapshot());
    const options = { collection, known: [], retry: true, quietMs: 50, pollMs: 50, graceMs: 100 };
    const { snapshot, adopted } = await takeSnapshot(qdrant, options);
    assert.equal(adopted, false);
    assert.notEqual(snapshot.name, uploaded);
  });

  it('that would get a name of the same second are taken again', async () => {
    const collection = await seed('same_second');
    const names: string[] = [];
    for (let count = 0; count < 3; count++)
      names.push((await takeSnapshot(qdrant, { collection, known: names, retry: false })).snapshot.name);
    assert.equal(new Set(names).size, 3);
    assert.equal((await qdrant.listSnapshots(collection)).length, 3);
  });
});

describe('uploads', () => {
  it('bring back points, indexes and configuration, into a new collection too', async () => {
    const collection = await seed('restored');
    const sample = await samplePoints(qdrant, collection);
    const facts = async (name: string) => {
      const info = await qdrant.collectionInfo(name);
      const points = await qdrant.countExact(name);
      return { points, config: info.config, payloadSchema: info.payload_schema };
    };
    const recorded = await facts(collection);
    const { name } = await qdrant.createSnapshot(collection);
    const content = await buffer(await qdrant.downloadSnapshot(collection, name));
    await removePoints(
      collection,
      Array.from({ length: 30 }, (_, at) => at + 1),
    );
    assert.deepEqual(compareCollection(recorded, await facts(collection)), [
      { field: 'points', recorded: 50, live: 20 },
    ]);
    const fileName = await upload(collection, content);
    assert.deepEqual(compareCollection(recorded, await facts(collection)), []);
    assert.deepEqual(await samplePoints(qdrant, collection), sample);
    assert.equal(await qdrant.deleteSnapshot(collection, fileName), true);

    const copy = target.unique('restored_copy');
    await upload(copy, content);
    assert.deepEqual(compareCollection(recorded, await facts(copy)), []);
    assert.deepEqual(await samplePoints(qdrant, copy), sample);
  });

  it('of a snapshot that is still on the server bring it back, and leave no file behind', async () => {
    const collection = await seed('safety');
    const sample = await samplePoints(qdrant, collection);
    const safety = await qdrant.createSnapshot(collection);
    await removePoints(
      collection,
      sample.map((point) => point.id as number),
    );
    await recoverSnapshot(qdrant, { collection, snapshot: safety, uploadName: uniqueUploadName() });
    assert.deepEqual(await samplePoints(qdrant, collection), sample);
    assert.deepEqual(await qdrant.listSnapshots(collection), [safety]);

    const copy = target.unique('safety_copy');
    await recoverSnapshot(qdrant, {
      collection,
      snapshot: safety,
      into: copy,
      uploadName: uniqueUploadName(),
    });
    assert.equal(await qdrant.countExact(copy), 50);
    assert.deepEqual(await qdrant.listSnapshots(copy), []);

    const wrong = { ...safety, checksum: '0'.repeat(64) };
    const uploadName = uniqueUploadName();
    await failsWith('QdrantRefused', recoverSnapshot(qdrant, { collection, snapshot: wrong, uploadName }));
    assert.deepEqual(await qdrant.listSnapshots(collection), [safety]);
  });

  it('of a snapshot that another server wrote work', async () => {
    const collection = target.unique('from_another');
    await upload(collection, recordedSnapshot());
    assert.equal(await qdrant.countExact(collection), 20);
    assert.equal((await qdrant.collectionInfo(collection)).payload_schema.tag?.points, 20);
  });

  it('that are truncated, garbage or not what their checksum says leave the points alone', async () => {
    const collection = await seed('refused', 5);
    const good = recordedSnapshot();
    await failsWith('QdrantFailed', upload(collection, good.subarray(0, good.length / 2)));
    await failsWith('QdrantFailed', upload(collection, Buffer.alloc(5000, 'garbage ')));
    await failsWith('QdrantRefused', upload(collection, good, '0'.repeat(64)), /[Cc]hecksum/);
    assert.equal(await qdrant.countExact(collection), 5);
  });

  it('whose source is shorter or longer than it should be fail by name', async () => {
    const collection = await seed('wrong_size', 5);
    for (const bytes of [9999, 10_001])
      await failsWith(
        'ArtifactCorrupt',
        qdrant.uploadSnapshot(collection, {
          fileName: 'short.snapshot',
          source: Readable.from([Buffer.alloc(10_000)], { objectMode: false }),
          bytes,
          checksum: '0'.repeat(64),
          priority: 'snapshot',
        }),
      );
    assert.equal(await qdrant.countExact(collection), 5);
  });
});

describe('servers that answer something else', () => {
  const servers: Server[] = [];
  const others: Qdrant[] = [];

  async function serving(answer: RequestListener, timeouts = {}): Promise<Qdrant> {
    const server = createServer(answer);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const other = client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeouts);
    others.push(other);
    return other;
  }

  const answering = (status: number, body: string, headers = {}): Promise<Qdrant> =>
    serving((request, response) => {
      request.resume();
      response.writeHead(status, headers).end(body);
    });

  const error = (words: string): string => JSON.stringify({ status: { error: words }, time: 0 });

  after(async () => {
    await Promise.all(others.map((other) => other.close()));
    for (const server of servers) server.closeAllConnections();
    for (const server of servers) server.close();
  });

  it('give failures of their own types', async () => {
    const create = async (status: number, body: string, headers = {}) =>
      (await answering(status, body, headers)).createSnapshot('notes');
    await failsWith('QdrantOutOfSpace', create(507, error('Insufficient storage')), /Free space/);
    await failsWith(
      'QdrantOutOfSpace',
      create(500, error('IO error: No space left on device (os error 28)')),
    );
    await failsWith('QdrantFailed', create(500, error('Service internal error: oops')), /oops/);
    const busy = await failsWith('QdrantFailed', create(503, '<html>', { 'retry-after': '7' }));
    assert.equal(busy.details?.retryAfterSeconds, 7);
    assert.equal(busy.retryable, true);
    await failsWith('QdrantFailed', create(429, error('Too many requests'), { 'retry-after': '1' }));
    await failsWith('QdrantFailed', create(200, '<html>a proxy</html>'), /other than JSON/);
    await failsWith('QdrantRefused', create(409, error('Wrong input: no')));
    await failsWith('QdrantRefused', create(404, ''), /URL/);
    await failsWith('NotQdrant', (await answering(200, '{"version":"8.1.0"}')).version());
  });

  it('that take no large uploads are told apart', async () => {
    const small = await answering(413, '<html>Request Entity Too Large</html>', { connection: 'close' });
    const content = Buffer.alloc(8 * 1024 * 1024);
    const options = { fileName: 'a.snapshot', bytes: content.length, checksum: sha256(content) };
    const source = Readable.from([content], { objectMode: false });
    await failsWith(
      'QdrantUploadTooLarge',
      small.uploadSnapshot('notes', { ...options, source, priority: 'snapshot' }),
      /client_max_body_size/,
    );
  });

  it('that are away or silent are named', async () => {
    const silent = await serving(() => {}, { answer: 300 });
    await failsWith('QdrantUnreachable', silent.collections(), /does not answer in time/);
    assert.equal(await silent.ready(), false);
    const proxy = await breakingProxy(target.url, []);
    await proxy.close();
    const away = client(proxy.url);
    await failsWith('QdrantUnreachable', away.collections(), /vectors/);
    await away.close();
  });

  it('that stop sending in the middle are asked for the rest', async () => {
    const content = recordedSnapshot();
    const asked: (string | undefined)[] = [];
    const stalling = await serving(
      (request, response) => {
        asked.push(request.headers.range);
        const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
        const headers = { 'content-length': content.length - start, etag: '"a"' };
        const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
        response.writeHead(start ? 206 : 200, start ? { ...headers, ...range } : headers);
        if (start) response.end(content.subarray(start));
        else response.write(content.subarray(0, 30_000));
      },
      { idle: 300 },
    );
    const stream = await stalling.downloadSnapshot('notes', 'a.snapshot');
    await walkSnapshot(stream);
    assert.deepEqual(asked, [undefined, 'bytes=30000-']);
  });

  it('that can not send a part are not asked for the whole twice in one stream', async () => {
    const content = recordedSnapshot();
    const whole = await serving((_request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 30_000), () => response.destroy());
    });
    await failsWith('QdrantUnreachable', buffer(await whole.downloadSnapshot('notes', 'a.snapshot')));
  });
});
