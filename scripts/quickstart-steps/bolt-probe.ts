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

/** A client that keeps querying until it is stopped. It does not retry: it shall see every outage. */
export function probeBolt(server: Neo4jServer): { stop(): Promise<ProbeReport> } {
  const driver = neo4j.driver(server.boltUrl, neo4j.auth.basic(server.username, server.password), {
    maxTransactionRetryTime: 0,
    connectionTimeout: 1_000,
    connectionAcquisitionTimeout: 2_000,
  });
  const ending = new AbortController();
  const report: ProbeReport = { answered: 0, refused: 0, awaySeconds: 0 };
  const query = async (): Promise<boolean> => {
    const session = driver.session({ database: 'neo4j' });
    try {
      await session.run('MATCH (note:Note {id: 1}) RETURN note.title');
      return true;
    } catch {
      return false;
    } finally {
      await session.close().catch(() => undefined);
    }
  };
  const ask = async (): Promise<void> => {
    let lastAnswer = performance.now();
    let away = false;
    const endOutage = () => {
      if (away) report.awaySeconds += (performance.now() - lastAnswer) / 1000;
      away = false;
    };
    while (!ending.signal.aborted) {
      if (await query()) {
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
    await driver.close();
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
