import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { holdersOf, nodesOf } from '../../src/activities/collection-nodes.ts';
import type { QdrantService } from '../../src/config/config.ts';
import { failsWith } from '../adapters/failure.ts';

/** Of each node: the states of the shards that it holds, by their numbers. */
type Held = Record<number, string>[];

describe('the nodes of a collection', () => {
  const servers: Server[] = [];
  const { signal } = new AbortController();

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A cluster of nodes, of which the configuration names so many of the first. */
  async function cluster(nodes: Held, named = nodes.length): Promise<QdrantService> {
    const urls: string[] = [];
    for (const own of nodes) {
      const shardsOf = (held: Held) =>
        held
          .flatMap((node) => Object.entries(node))
          .map(([shard, state]) => ({ shard_id: Number(shard), peer_id: 2, points_count: 1, state }));
      const result = {
        peer_id: 1,
        shard_count: 2,
        local_shards: shardsOf([own]),
        remote_shards: shardsOf(nodes.filter((node) => node !== own)),
        shard_transfers: [],
      };
      const server = createServer((_request, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ result }));
      });
      servers.push(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    return { name: 'vectors', urls: urls.slice(0, named) } as unknown as QdrantService;
  }

  it('for a backup are those with active shards', async () => {
    const service = await cluster([{}, { 0: 'Dead' }, { 0: 'Active', 1: 'Active' }, { 1: 'Partial' }]);
    assert.deepEqual(await nodesOf(service, 'notes', signal), [service.urls[2]]);
    const behind = await cluster([{ 0: 'Active' }, { 1: 'Partial' }]);
    await failsWith('InvalidConfiguration', nodesOf(behind, 'notes', signal), /shard 1 is active on none/);
    const empty = await cluster([{}, {}]);
    assert.deepEqual(await nodesOf(empty, 'notes', signal), [empty.urls[0]]);
  });

  it('for a restore are all that hold shards where some shard is active nowhere, and none may be unknown', async () => {
    const service = await cluster([{}, { 0: 'Dead' }, { 0: 'Active' }]);
    assert.deepEqual(await holdersOf(service, 'notes', signal), service.urls.slice(2));
    const behind = await cluster([{}, { 0: 'Dead', 1: 'Active' }, { 0: 'Partial' }]);
    assert.deepEqual(await holdersOf(behind, 'notes', signal), behind.urls.slice(1));
    assert.deepEqual(await holdersOf(await cluster([{}, {}]), 'notes', signal), []);
    const partly = await cluster([{ 0: 'Active' }, { 1: 'Active' }], 1);
    await failsWith('InvalidConfiguration', holdersOf(partly, 'notes', signal), /shard 1 .* name all nodes/);
  });
});
