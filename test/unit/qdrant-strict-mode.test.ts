import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { openQdrant, type Qdrant } from '../../src/adapters/qdrant/qdrant.ts';
import { refusedAnswer } from '../../src/adapters/qdrant/qdrant-failure.ts';
import { largestPage, samplePoints } from '../../src/adapters/qdrant/sample.ts';

describe('a collection in strict mode', () => {
  it('is asked for no more points at once than it gives', () => {
    assert.equal(largestPage({ strict_mode_config: { enabled: true, max_query_limit: 50 } }), 50);
    assert.equal(largestPage({ strict_mode_config: { enabled: true, max_query_limit: 5000 } }), 1000);
    for (const strict of [undefined, null, { enabled: true }, { enabled: false, max_query_limit: 50 }])
      assert.equal(largestPage({ strict_mode_config: strict }), 1000);
  });

  it('is sampled in pages of that size, and not for ever', async () => {
    const limits: number[] = [];
    const qdrant = {
      scroll: async (_collection: string, { limit, offset = 0 }: { limit: number; offset?: number }) => {
        limits.push(limit);
        const points = Array.from({ length: limit }, (_, at) => ({ id: offset + at }));
        return { points, next: offset + limit };
      },
      retrieve: async (_collection: string, ids: number[]) => ids.map((id) => ({ id })),
    } as unknown as Qdrant;
    assert.equal((await samplePoints(qdrant, 'notes', { size: 8, page: 50 })).length, 8);
    assert.deepEqual(limits, Array(100).fill(50));
  });

  it('is counted by its ids where it allows nothing exact', async () => {
    const limits: number[] = [];
    const server = createServer(async (request, response) => {
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      };
      if (request.url === '/collections/notes/points/count') {
        const error = 'Forbidden: Exact search disabled!. Help: Set exact=false.';
        return answer(403, { status: { error } });
      }
      if (request.url === '/collections/notes') {
        const strict = { enabled: true, max_query_limit: 10, search_allow_exact: false };
        return answer(200, { result: { config: { params: {}, strict_mode_config: strict } } });
      }
      const { limit, offset = 0 } = (await json(request)) as { limit: number; offset?: number };
      limits.push(limit);
      const points = Array.from({ length: Math.min(limit, 25 - offset) }, (_, at) => ({ id: offset + at }));
      const next = offset + limit < 25 ? offset + limit : null;
      answer(200, { result: { points, next_page_offset: next } });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const qdrant = openQdrant({ name: 'strict', url: `http://127.0.0.1:${port}` });
    try {
      assert.equal(await qdrant.countExact('notes'), 25);
      assert.deepEqual(limits, [10, 10, 10]);
    } finally {
      await qdrant.close();
      server.close();
    }
  });

  it('refuses what it forbids for another reason than a key without the rights', () => {
    const asked = { server: 'The Qdrant server "vectors" (http://localhost:6333)', doing: 'reading points' };
    const refused = (error: string) =>
      refusedAnswer(asked, 403, JSON.stringify({ status: { error: `Forbidden: ${error}` } }));
    const limit = 'Limit exceeded 1000 > 50 for "limit". Help: Reduce the "limit" parameter to or below 50.';
    assert.equal(refused(limit).type, 'QdrantRefused');
    assert.match(refused(limit).message, /strict mode/);
    assert.equal(refused('Global manage access is required').type, 'QdrantForbidden');
  });
});
