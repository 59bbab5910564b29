import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type BoltAccess, servedFacts } from '../adapters/neo4j/bolt.ts';
import { LifeboatError } from '../model/failures.ts';
import { compareGraphRange } from '../model/graph-comparison.ts';
import type { GraphFacts } from '../model/manifest.ts';

/** What each restored database is compared with, by database. */
export type ExpectedGraphs = Record<string, { before: GraphFacts; after?: GraphFacts }>;

/** Between the two looks at a database that is not what was expected (milliseconds). */
const SECOND_LOOK_MS = 2000;

/**
 * What the served databases differ in from a manifest. Null when that can't be told: the credentials do not fit, or a client writes already, whose
 * changes can't be told from a loss.
 */
export async function compareServed(
  access: BoltAccess,
  expected: ExpectedGraphs,
  signal: AbortSignal,
): Promise<string[] | null> {
  const look = async () => await factsOf(access, Object.keys(expected));
  const found = await look();
  if (!found) return null;
  const differences = Object.entries(expected).flatMap(([database, { before, after }]) => {
    const facts = found[database];
    if (!facts) return [];
    return compareGraphRange(before, after ?? before, facts).map((text) => `${database}: ${text}`);
  });
  if (differences.length === 0) return differences;
  await sleep(SECOND_LOOK_MS, undefined, { signal });
  return isDeepStrictEqual(await look(), found) ? differences : null;
}

/** With `system` restored, the passwords are those of the backup: then nobody here can count. */
async function factsOf(access: BoltAccess, databases: string[]): Promise<Record<string, GraphFacts> | null> {
  try {
    const facts = await servedFacts(access, databases);
    // Those that the server does not know, or that somebody has stopped, are in their places and not served: there is nothing to count.
    return Object.keys(facts).length > 0 ? facts : null;
  } catch (error) {
    if (error instanceof LifeboatError && error.type === 'CredentialsRefused') return null;
    throw error;
  }
}
