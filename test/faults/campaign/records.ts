import type { Driver } from 'neo4j-driver';
import type { Records } from './writing-client.ts';

/** Without bookmarks: after a restore, the data that an earlier write saw may be gone, and the server would wait for it. */
export const DATABASE = { database: 'neo4j', bookmarkManager: null };

/** Records as nodes of a graph. */
export function graphRecords(driver: Driver): Records {
  return {
    async write(id) {
      await driver.executeQuery('MERGE (:Written {id: $id})', { id }, DATABASE);
    },
    async ids() {
      const { records } = await driver.executeQuery('MATCH (w:Written) RETURN w.id AS id', {}, DATABASE);
      return new Set(records.map((record) => Number(record.get('id'))));
    },
  };
}

/** Records as points of a collection; `ask` sends a request straight to the server. */
export function pointRecords(ask: Ask, collection: string): Records {
  return {
    async write(id) {
      const points = [{ id, vector: [id % 7, 0.5, id % 11, 1], payload: { title: `note ${id}` } }];
      await ask('PUT', `/collections/${collection}/points?wait=true`, { points });
    },
    async ids() {
      const found = new Set<number>();
      let offset: number | null | undefined;
      do {
        const body = { limit: 1000, with_payload: false, ...(offset ? { offset } : {}) };
        const { result } = (await ask('POST', `/collections/${collection}/points/scroll`, body)) as {
          result: { points: { id: number }[]; next_page_offset: number | null };
        };
        for (const { id } of result.points) found.add(id);
        offset = result.next_page_offset;
      } while (offset);
      return found;
    },
  };
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Requests to a Qdrant server, without a proxy between. @throws when it answers with an error. */
export function asking(url: string, apiKey: string): Ask {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', 'api-key': apiKey },
      signal: AbortSignal.timeout(10_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
}
