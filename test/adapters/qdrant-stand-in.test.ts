// needs: nothing
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { walkSnapshot } from '../../src/adapters/qdrant/snapshot-walker.ts';
import { endProcess, identify } from '../testbed/process.ts';
import { type QdrantStandIn, startQdrantStandIn } from '../testbed/qdrant/stand-in.ts';
import { needsStandIn } from '../testbed/qdrant/target.ts';
import { failsWith } from './failure.ts';

async function ask(url: string, method: string, path: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

async function seed(url: string, collection: string): Promise<void> {
  await ask(url, 'PUT', `/collections/${collection}`, { vectors: { size: 2, distance: 'Euclid' } });
  const points = [1, 2, 3].map((id) => ({ id, vector: [id, 1], payload: { id } }));
  await ask(url, 'PUT', `/collections/${collection}/points?wait=true`, { points });
}

describe('the stand-in for Qdrant', needsStandIn, () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lifeboat-stand-in-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('keeps its points, aliases, indexes and snapshots over a kill -9', async () => {
    const options = { directory: join(directory, 'killed') };
    const first = await startQdrantStandIn(options);
    await seed(first.url, 'notes');
    await ask(first.url, 'PUT', '/collections/notes/index?wait=true', {
      field_name: 'id',
      field_schema: 'integer',
    });
    await ask(first.url, 'POST', '/collections/aliases', {
      actions: [{ create_alias: { collection_name: 'notes', alias_name: 'live' } }],
    });
    const qdrant = openQdrant({ name: 'first', url: first.url });
    const { name } = await qdrant.createSnapshot('notes');
    await ask(first.url, 'PUT', '/collections/notes/points', { points: [{ id: 4, vector: [1, 2] }] });
    await qdrant.close();
    await endProcess(identify(first.pid)!, 10_000, 'SIGKILL');

    const second = await startQdrantStandIn(options);
    const again = openQdrant({ name: 'second', url: second.url });
    assert.equal(await again.countExact('live'), 4);
    assert.equal((await again.collectionInfo('notes')).payload_schema.id?.points, 3);
    assert.deepEqual(
      (await again.listSnapshots('notes')).map((one) => one.name),
      [name],
    );
    await walkSnapshot(await again.downloadSnapshot('notes', name));
    await again.close();
    await second.stop();
    assert.equal(identify(second.pid), undefined);
  });

  it('has no faults unless it was started with them', async () => {
    const server = await startQdrantStandIn({ directory: join(directory, 'without') });
    const response = await fetch(`${server.url}/__testbed/faults`, { method: 'POST', body: '{}' });
    assert.equal(response.status, 404);
    await server.stop();
  });

  describe('started with faults', () => {
    let server: QdrantStandIn;
    let qdrant: Qdrant;
    const fault = (what: object): Promise<void> => ask(server.url, 'POST', '/__testbed/faults', what);

    before(async () => {
      server = await startQdrantStandIn({ directory: join(directory, 'faults'), faults: true });
      qdrant = openQdrant({ name: 'faulty', url: server.url });
      await seed(server.url, 'notes');
    });
    beforeEach(() => fetch(`${server.url}/__testbed/faults`, { method: 'DELETE' }));
    after(async () => {
      await qdrant?.close();
      await server?.stop();
    });

    it('answers what it was told, as often as it was told', async () => {
      await fault({
        method: 'POST',
        path: '/snapshots$',
        status: 507,
        body: 'Insufficient storage',
        times: 2,
      });
      await failsWith('QdrantOutOfSpace', qdrant.createSnapshot('notes'));
      await failsWith('QdrantOutOfSpace', qdrant.createSnapshot('notes'));
      assert.match((await qdrant.createSnapshot('notes')).checksum!, /^[0-9a-f]{64}$/);
    });

    it('waits before it works', async () => {
      await fault({ path: '/collections$', delayMs: 20 });
      assert.deepEqual(await qdrant.collections(), ['notes']);
    });

    it('gives a wrong checksum, once', async () => {
      await fault({ method: 'POST', path: '/snapshots$', corruptChecksum: true });
      const { name, checksum } = await qdrant.createSnapshot('notes');
      assert.equal(checksum, '0'.repeat(64));
      await qdrant.deleteSnapshot('notes', name);
      assert.notEqual((await qdrant.createSnapshot('notes')).checksum, checksum);
    });

    it('cuts a download, and the rest is had by its range', async () => {
      const { name, size } = await qdrant.createSnapshot('notes');
      await fault({ method: 'GET', path: '\\.snapshot$', cutAfterBytes: 10_000, times: 2 });
      const content = await buffer(await qdrant.downloadSnapshot('notes', name, { pauseMs: 5 }));
      assert.equal(content.length, size);
    });

    it('does the work and drops the answer', async () => {
      const before = (await qdrant.listSnapshots('notes')).length;
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await fault({ method: 'POST', path: '/snapshots$', dropAnswer: true });
      await failsWith('QdrantUnreachable', qdrant.createSnapshot('notes'));
      assert.equal((await qdrant.listSnapshots('notes')).length, before + 1);
    });
  });
});
