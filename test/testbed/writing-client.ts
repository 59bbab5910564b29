import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from 'neo4j-driver';

/** Between two writes: a test shares its machine with what it tests. */
const PAUSE_MS = 10;

/** One write that the server acknowledged. */
export interface Acknowledged {
  id: number;
  /** When it was sent and when it was acknowledged (epoch milliseconds). */
  sentAt: number;
  at: number;
}

/** A client that writes one node after the other, and remembers what was acknowledged. */
export interface WritingClient {
  acknowledged: readonly Acknowledged[];
  /** Whatever a write failed with. A driver that reconnects by itself hides nothing: retries are off. */
  failures: readonly unknown[];
  stop(): Promise<void>;
}

/** Write `(:Written {id})` nodes, one a transaction, until stopped. */
export function startWriting(driver: Driver, database = 'neo4j'): WritingClient {
  const acknowledged: Acknowledged[] = [];
  const failures: unknown[] = [];
  let stopped = false;
  const work = (async () => {
    const session = driver.session({ database });
    try {
      for (let id = 1; !stopped; id += 1) {
        const sentAt = Date.now();
        try {
          // Auto-commit: the driver does not try it again.
          await session.run('CREATE (:Written {id: $id})', { id });
          acknowledged.push({ id, sentAt, at: Date.now() });
        } catch (error) {
          failures.push(error);
        }
        await sleep(PAUSE_MS);
      }
    } finally {
      await session.close();
    }
  })();
  return {
    acknowledged,
    failures,
    async stop() {
      stopped = true;
      await work;
    },
  };
}

/** How many of its writes whatever was captured in this window has at least and at most. */
export function dueWrites(
  { acknowledged }: WritingClient,
  { from, to }: { from: string; to: string },
): { surely: number; perhaps: number } {
  return {
    surely: acknowledged.filter(({ at }) => at < Date.parse(from)).length,
    perhaps: acknowledged.filter(({ sentAt }) => sentAt < Date.parse(to)).length,
  };
}
