import { setTimeout as delay } from 'node:timers/promises';
import type { Asking, Qdrant } from './qdrant.ts';

/**
 * Wait until the server recovers no snapshot into a collection. It goes on with what it has whole when a proxy or the network has cut its client off, and what
 * was recovered in the meantime would be replaced by that in the end. A server that does not tell (before 1.16) is not waited for.
 * @param options.pollMs how often it is asked (milliseconds). Default 1 s.
 */
export async function untilNothingIsRecovered(
  qdrant: Qdrant,
  collection: string,
  options: Asking & { pollMs?: number } = {},
): Promise<void> {
  const { pollMs = 1000, ...asking } = options;
  while (((await qdrant.recoveriesRunning(collection, asking)) ?? 0) > 0)
    await delay(pollMs, undefined, asking);
}
