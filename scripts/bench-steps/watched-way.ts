import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import type { Taken } from './lifeboat-mode.ts';
import { probe, type Seen } from './probing-client.ts';

/** One way of taking or restoring a backup, as a client and a clock saw it. */
export interface Row {
  gib: number;
  way: string;
  /** From its beginning to the end of everything (seconds). */
  totalSeconds: number;
  /** The longest time between two acknowledged writes (seconds). */
  longestSeconds: number;
  failed: number;
  acknowledged: number;
  /** Acknowledged writes that the set or the server does not have; of a restore, which brings back an older state, none are counted. */
  lost: number;
  /** The same of a restart just before it, where one was made. */
  restartSeconds?: number | undefined;
  /** Its total time / that of the document's procedure just before it, where that was taken. */
  timesDocument?: number | undefined;
  /** Lifeboat's own figures. */
  offlineSeconds?: number;
  frozenSeconds?: number;
}

/** Take a backup while a client writes all the time. */
export async function watchBackup(
  server: Neo4jServer,
  gib: number,
  way: string,
  work: () => Promise<Taken | undefined>,
): Promise<Row> {
  const { done: taken, seen, seconds } = await watched(server, work);
  return {
    ...rowOf(gib, way, taken?.seconds ?? seconds, seen),
    lost: await lostOf(server, seen, taken),
    ...(taken
      ? { offlineSeconds: taken.record.offlineSeconds, frozenSeconds: taken.record.frozenSeconds ?? 0 }
      : {}),
  };
}

/** Restore while a client writes all the time. @param work answers what it took, where it knows that better (seconds). */
export async function watchRestore(
  server: Neo4jServer,
  gib: number,
  way: string,
  work: () => Promise<number | undefined>,
): Promise<Row> {
  const { done, seen, seconds } = await watched(server, work);
  return { ...rowOf(gib, way, done ?? seconds, seen), lost: 0 };
}

async function watched<T>(
  server: Neo4jServer,
  work: () => Promise<T>,
): Promise<{ done: T; seen: Seen; seconds: number }> {
  await server.untilServing();
  const client = probe(server);
  const began = performance.now();
  const [outcome] = await Promise.allSettled([work()]);
  const seconds = (performance.now() - began) / 1000;
  const seen = await client.stop();
  if (outcome.status === 'rejected') throw outcome.reason;
  return { done: outcome.value, seen, seconds };
}

const rowOf = (gib: number, way: string, totalSeconds: number, seen: Seen): Omit<Row, 'lost'> => ({
  gib,
  way,
  totalSeconds,
  longestSeconds: seen.longestSeconds,
  failed: seen.failed,
  acknowledged: seen.acknowledged,
});

/** Acknowledged writes that the server has not, and those from before the window that the frozen copy has not. */
async function lostOf(server: Neo4jServer, seen: Seen, taken: Taken | undefined): Promise<number> {
  await server.untilServing();
  const driver = server.driver();
  try {
    const ids = seen.writes.map(({ id }) => id);
    const { records } = await driver.executeQuery(
      'MATCH (n:Probe) WHERE n.id IN $ids RETURN count(n) AS there, COUNT { (:Probe) } AS every',
      { ids },
    );
    const there = Number(records[0]?.get('there') ?? 0);
    const earlier = Number(records[0]?.get('every') ?? 0) - there;
    const lost = ids.length - there;
    const window = taken?.record.window;
    if (!window || !taken.record.frozenSeconds) return lost;
    const due = seen.writes.filter(({ at }) => at < Date.parse(window.from)).length;
    const captured = (taken.record.facts?.neo4j?.labels.Probe ?? 0) - earlier;
    return lost + Math.max(0, due - captured);
  } finally {
    await driver.close();
  }
}
