import { setTimeout } from 'node:timers/promises';
import neo4j from 'neo4j-driver';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';

/** What a client saw of a database. */
export interface ProbeReport {
  answered: number;
  refused: number;
  /** From the last answer before an outage to the first one after it, all outages together. */
  awaySeconds: number;
}

/** How long the client waits between two queries (milliseconds). */
const INTERVAL = 100;

/** A client that asks once and does not retry: it shall see every outage, and its end at once. */
function askingClient(server: Neo4jServer): { answers(): Promise<boolean>; close(): Promise<void> } {
  const driver = neo4j.driver(server.boltUrl, neo4j.auth.basic(server.username, server.password), {
    maxTransactionRetryTime: 0,
    connectionTimeout: 1_000,
    connectionAcquisitionTimeout: 2_000,
  });
  return {
    async answers() {
      const session = driver.session({ database: 'neo4j' });
      try {
        await session.run('MATCH (note:Note {id: 1}) RETURN note.title');
        return true;
      } catch {
        return false;
      } finally {
        await session.close().catch(() => undefined);
      }
    },
    close: () => driver.close(),
  };
}

/** Wait until the server answers a query. The driver's own retries wait longer and longer, which would be measured. */
export async function untilAnswering(server: Neo4jServer, limitSeconds = 180): Promise<void> {
  const client = askingClient(server);
  const until = performance.now() + limitSeconds * 1000;
  try {
    while (!(await client.answers())) {
      if (performance.now() > until) throw new Error(`Neo4j did not answer within ${limitSeconds} s.`);
      await setTimeout(INTERVAL);
    }
  } finally {
    await client.close();
  }
}

/** A client that keeps querying until it is stopped. */
export function probeBolt(server: Neo4jServer): { stop(): Promise<ProbeReport> } {
  const client = askingClient(server);
  const ending = new AbortController();
  const report: ProbeReport = { answered: 0, refused: 0, awaySeconds: 0 };
  const ask = async (): Promise<void> => {
    let lastAnswer = performance.now();
    let away = false;
    const endOutage = () => {
      if (away) report.awaySeconds += (performance.now() - lastAnswer) / 1000;
      away = false;
    };
    while (!ending.signal.aborted) {
      if (await client.answers()) {
        endOutage();
        lastAnswer = performance.now();
        report.answered += 1;
      } else {
        away = true;
        report.refused += 1;
      }
      await setTimeout(INTERVAL, undefined, { signal: ending.signal }).catch(() => undefined);
    }
    endOutage();
    await client.close();
  };
  const asking = ask();
  return {
    async stop() {
      ending.abort();
      await asking;
      return report;
    },
  };
}
