import { setTimeout as sleep } from 'node:timers/promises';
import neo4j, { type Driver } from 'neo4j-driver';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';

/** What a client saw that writes every 50 ms. */
export interface Seen {
  /** The longest time from one acknowledged write to the next (seconds). */
  longestSeconds: number;
  failed: number;
  acknowledged: number;
  /** The acknowledged writes, and when each was (epoch milliseconds). */
  writes: { id: number; at: number }[];
}

const INTERVAL_MS = 50;

/** Write and read, one request after the other, until stopped. A failed request is sent again on a new connection. */
export function probe(server: Neo4jServer): { stop(): Promise<Seen> } {
  const seen: Seen = { longestSeconds: 0, failed: 0, acknowledged: 0, writes: [] };
  let ended = false;
  const connect = (): Driver =>
    neo4j.driver(server.boltUrl, neo4j.auth.basic(server.username, server.password), {
      maxTransactionRetryTime: 0,
      connectionTimeout: 1000,
      connectionAcquisitionTimeout: 600_000,
      maxConnectionPoolSize: 1,
    });
  const work = (async () => {
    let driver = connect();
    let last = performance.now();
    for (let id = Date.now(); !ended; id += 1) {
      const session = driver.session({ database: 'neo4j' });
      try {
        await session.run('CREATE (:Probe {id: $id})', { id: neo4j.int(id) });
        const now = performance.now();
        seen.longestSeconds = Math.max(seen.longestSeconds, (now - last) / 1000);
        last = now;
        seen.acknowledged += 1;
        seen.writes.push({ id, at: Date.now() });
        await session.close();
      } catch {
        seen.failed += 1;
        await driver.close().catch(() => {});
        driver = connect();
      }
      await sleep(INTERVAL_MS);
    }
    await driver.close();
  })();
  return {
    async stop() {
      ended = true;
      await work;
      return seen;
    },
  };
}
