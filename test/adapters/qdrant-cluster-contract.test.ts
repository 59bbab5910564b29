// needs: nothing
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { openQdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { takeSnapshot } from '../../src/adapters/qdrant/take-snapshot.ts';
import { exchanges, multipartOf } from '../testbed/qdrant/recording.ts';
import { check, type Names, replay } from '../testbed/qdrant/replay.ts';
import { type QdrantStandIn, startQdrantStandInCluster } from '../testbed/qdrant/stand-in.ts';
import { needsStandIn } from '../testbed/qdrant/target.ts';
import { failsWith } from './failure.ts';

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

describe('a cluster of two stand-ins for Qdrant', needsStandIn, () => {
  let directory: string;
  let nodes: QdrantStandIn[];
  let stop: () => Promise<void>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lifeboat-qdrant-cluster-'));
    ({ nodes, stop } = await startQdrantStandInCluster({ directory }));
  });
  after(async () => {
    await stop?.();
    await rm(directory, { recursive: true, force: true });
  });

  describe('answers as recorded', () => {
    const names: Names = new Map();
    const downloaded = new Map<number, Buffer>();

    before(() => {
      for (const [at, node] of nodes.entries()) names.set(`http://node${at + 1}:6335`, node.url);
    });

    for (const exchange of exchanges('exchanges-cluster')) {
      const node = exchange.node!;
      it(`${exchange.name} on node ${node}`, async () => {
        const live = await replay(nodes[node - 1]!.url, exchange, names, {
          upload: () => multipartOf(`own-${node}.snapshot`, downloaded.get(node)!, 'xxB'),
        });
        const said = exchange.response.body as { result?: Record<string, unknown> };
        const answered = (): Record<string, unknown> =>
          (JSON.parse(live.bytes.toString()) as { result: Record<string, unknown> }).result;
        if (exchange.name === 'cluster') {
          const peers = Object.entries(answered().peers as Record<string, { uri: string }>);
          for (const [id, { uri }] of Object.entries(said.result!.peers as Record<string, { uri: string }>))
            names.set(
              id,
              peers.find(
                ([, peer]) => peer.uri === uri.replace(/http:\/\/[^/]+/, (url) => names.get(url)!),
              )![0],
            );
        }
        if (exchange.name === 'snapshot-create') {
          names.set(said.result!.name as string, answered().name as string);
          names.set(said.result!.checksum as string, answered().checksum as string);
        }
        if (exchange.name === 'snapshot-download') downloaded.set(node, live.bytes);
        check(exchange, live, names, true);
      });
    }
  });

  it('is backed up and restored node by node', async () => {
    const clients = nodes.map((node, at) => openQdrant({ name: `node-${at + 1}`, url: node.url }));
    const collection = 'by_node';
    const put = async (path: string, body: unknown): Promise<void> => {
      const response = await fetch(`${nodes[0]!.url}/collections/${collection}${path}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, await response.text());
    };
    await put('', { vectors: { size: 2, distance: 'Dot' }, shard_number: 2 });
    const points = Array.from({ length: 60 }, (_, id) => ({ id, vector: [id, 1], payload: { id } }));
    await put('/points?wait=true', { points });

    const files: Buffer[] = [];
    for (const client of clients) {
      assert.equal((await client.cluster()).enabled, true);
      assert.equal((await client.collectionCluster(collection)).localShards.length, 1);
      const { snapshot } = await takeSnapshot(client, { collection, known: [], retry: false });
      files.push(await buffer(await client.downloadSnapshot(collection, snapshot.name)));
      assert.equal(sha256(files.at(-1)!), snapshot.checksum);
      for (const other of clients.filter((one) => one !== client))
        await failsWith(
          'SnapshotNotFound',
          other.downloadSnapshot(collection, snapshot.name),
          /another node/,
        );
      await client.deleteSnapshot(collection, snapshot.name);
    }

    assert.equal(await clients[0]!.deleteCollection(collection), true);
    for (const [at, client] of clients.entries())
      await client.uploadSnapshot(collection, {
        fileName: `restore-${at}.snapshot`,
        source: Readable.from([files[at]!], { objectMode: false }),
        bytes: files[at]!.length,
        checksum: sha256(files[at]!),
        priority: 'snapshot',
      });
    for (const client of clients) assert.equal(await client.countExact(collection), 60);
    const page = await clients[1]!.scroll(collection, { limit: 25, offset: 20, payload: true });
    assert.deepEqual(
      page.points.map((point) => point.id),
      Array.from({ length: 25 }, (_, at) => at + 20),
    );
    assert.equal(page.next, 45);
    for (const client of clients) await client.close();
  });
});
