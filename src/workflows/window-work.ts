import type { Release } from '../activities/held-window.ts';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { Swap } from '../activities/windows.ts';
import type { GraphFacts } from '../model/manifest.ts';
import { inWindow } from './activity-options.ts';
import { allOrNone } from './all-or-none.ts';
import type { CriticalSectionInput } from './critical-section.ts';
import { fail } from './failure.ts';

/** What is done in a window; opening and closing it is the critical section's. */
export type WindowWork =
  /** Dump every database of the plan into the staging volume. */
  | { kind: 'dump' }
  /** Copy the stores into the staging volume; they are dumped later, while the service is up again. */
  | { kind: 'copy' }
  /** Take a snapshot of the file system; it is copied later. */
  | { kind: 'snapshot' }
  /** Put the new stores of a restore in the place of the old ones, and see that they serve what was promised. */
  | { kind: 'swap'; swap: Swap; expected: Expected };

/** What each restored database is compared with; null where the manifest has no counts. */
export type Expected = Record<string, { before: GraphFacts; after?: GraphFacts }> | null;

/** The input of a section that has a window. */
export type InWindow = Exclude<CriticalSectionInput, { window: 'none' }>;

export interface WorkDone {
  /** Bytes of each database's dump in the staging volume. */
  dumps: Record<string, number>;
  /** After a swap: whether the counts could be compared. */
  compared: boolean;
  /** ISO time at which it served again already within the work. */
  servingSince?: string;
  /** When the work itself let the service go on. */
  release?: Release;
}

/**
 * @param running whether the service ran before, and so is started and looked at within a swap.
 * @param onAccept told right before the new stores of a swap are accepted.
 */
export async function doWork(
  input: InWindow,
  running: boolean,
  onAccept: () => void = () => {},
): Promise<WorkDone> {
  const { set, plan, work } = input;
  switch (work.kind) {
    case 'dump':
      return await dump(set, plan);
    case 'copy':
      return await copy(input, running);
    case 'snapshot':
      return await snapshot(input, running);
    case 'swap':
      return await swap(set, plan, work, running, onAccept);
  }
}

/** The copy lets its service go on by itself: between two steps of a run its users would wait for Temporal. */
async function copy({ set, plan, window, hold }: InWindow, running: boolean): Promise<WorkDone> {
  const { release } = await inWindow(`Copy the store of ${plan.service}`, { attempts: 3 }).copyStore({
    set,
    plan,
    window,
    release: running && !hold,
  });
  return { dumps: {}, compared: false, ...(release ? { release } : {}) };
}

async function snapshot({ set, plan, window, hold }: InWindow, running: boolean): Promise<WorkDone> {
  const take = inWindow(`Take a snapshot of the store of ${plan.service}`, { attempts: 2 });
  const { release } = await take.takeStoreSnapshot({ set, plan, window, release: running && !hold });
  return { dumps: {}, compared: false, ...(release ? { release } : {}) };
}

async function dump(set: string, plan: Neo4jPlan): Promise<WorkDone> {
  const dumps = await allOrNone(
    Object.keys(plan.databases).map((database) => async () => {
      const { bytes } = await inWindow(`Dump ${plan.service}/${database}`).dumpDatabase({
        set,
        plan,
        database,
      });
      return [database, bytes] as const;
    }),
  );
  return { dumps: Object.fromEntries(dumps), compared: false };
}

async function swap(
  set: string,
  plan: Neo4jPlan,
  { swap: { place, databases }, expected }: Extract<WindowWork, { kind: 'swap' }>,
  running: boolean,
  onAccept: () => void,
): Promise<WorkDone> {
  const { service } = plan;
  await inWindow(`Swap the stores of ${service}`).swapStores({ set, plan, place, databases });
  if (!running) {
    await inWindow(`Keep what ${service} had`).acceptSwap({ set, plan, place });
    return { dumps: {}, compared: false };
  }
  await inWindow(`Start ${service} on the restored stores`, { attempts: 2 }).tryServing({ service });
  const servingSince = new Date().toISOString();
  const differences = expected
    ? await inWindow(`Compare ${service} with the manifest`).compareRestored({ service, expected })
    : null;
  if (differences && differences.length > 0) {
    throw fail(
      'CountsDisagree',
      `What was restored into ${service} is not what the manifest says: ${differences.slice(0, 5).join('; ')}.`,
      { differences: differences.slice(0, 50) },
    );
  }
  onAccept();
  await inWindow(`Keep what ${service} had`).acceptSwap({ set, plan, place });
  return { dumps: {}, compared: differences !== null, servingSince };
}
