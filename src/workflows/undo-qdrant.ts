import { CancellationScope, executeChild } from '@temporalio/workflow';
import type { KeptSnapshot } from '../activities/kept-collections.ts';
import type { SnapshotReference } from '../activities/qdrant.ts';
import { bringBack, compensate, probe, transfer } from './activity-options.ts';
import { alone } from './exclusive.ts';
import { causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';
import { takeSafetySnapshots } from './safety-snapshots.ts';

/** Bring back what a restore of a Qdrant service replaced, under its lock. */
export async function undoQdrant(
  kept: { service: string; restore: string; snapshots: KeptSnapshot[] },
  options: { restore: string; report: ProgressReport; wait: boolean },
): Promise<RestoredService> {
  const { service, restore: undone, snapshots } = kept;
  const { restore, report, wait } = options;
  report.service(service, `bringing back what ${undone} replaced`);
  const work: UndoInput = { restore, service, snapshots };
  const collections = await alone((section) => executeChild(undoCollections, { ...section, args: [work] }), {
    service,
    summary: `Undo the restore ${undone} of ${service}`,
    wait,
  });
  report.line(`${service} has again what the restore ${undone} of ${collections.join(', ')} had replaced.`);
  return { service, collections, offlineSeconds: 0, compared: false, kept: restore };
}

export interface UndoInput {
  restore: string;
  service: string;
  /** What one restore has kept: of each collection one, or one a node. */
  snapshots: KeptSnapshot[];
}

/** What brings one collection back to what it was before the undo. */
interface WayBack {
  collection: string;
  safety: SnapshotReference[];
  /** What it held may have been replaced. */
  touched: boolean;
  /** The aliases that it had, of those that the undo takes from it. */
  aliases: string[];
}

/**
 * The critical section of an undo: each collection goes back to its safety snapshot, and the aliases to where they pointed. What was served until
 * then is kept in its turn, and all of it comes back when anything fails. A collection that the restore had made anew stays, without its aliases.
 */
export async function undoCollections({ restore, service, snapshots }: UndoInput): Promise<string[]> {
  // Another undo may have had the lock before.
  const now = await probe(`See what ${service} has kept`).listKeptSnapshots({ service });
  const gone = snapshots.find((one) => !now.some((each) => isSame(one, each)));
  if (gone) {
    throw fail(
      'NothingToUndo',
      `What the restore ${gone.restore} had kept of "${gone.collection}" is there no more: another restore or undo of ${service} was faster. Nothing was changed.`,
    );
  }
  const waysBack: WayBack[] = [];
  try {
    for (const [collection, parts] of Map.groupBy(snapshots, (one) => one.collection)) {
      const wayBack: WayBack = { collection, safety: [], touched: false, aliases: [] };
      waysBack.push(wayBack);
      await undoCollection({ restore, service }, parts, wayBack);
    }
  } catch (error) {
    const stuck = await CancellationScope.nonCancellable(
      async () => await goBack({ restore, service }, waysBack.reverse()),
    );
    if (stuck.length === 0) throw error;
    const { type, message } = causeOf(error);
    throw fail(
      'RestoreFailed',
      `The undo in ${service} failed, and not everything is served as it was before: ${stuck.join('; ')}. What was served is kept: bring it back with lifeboat restore --undo. What failed first: ${message}`,
      { cause: type },
    );
  }
  await CancellationScope.nonCancellable(async () => {
    for (const kept of snapshots)
      await compensate(`Forget what was kept of ${kept.collection}`).dropKept({ kept });
  });
  return waysBack.map(({ collection }) => collection);
}

const isSame = (one: KeptSnapshot, other: KeptSnapshot): boolean =>
  one.restore === other.restore &&
  one.collection === other.collection &&
  one.node === other.node &&
  one.name === other.name;

async function undoCollection(
  { restore, service }: { restore: string; service: string },
  parts: KeptSnapshot[],
  wayBack: WayBack,
): Promise<void> {
  const { collection, safety } = wayBack;
  const [{ aliases, set } = { aliases: [], set: '' }] = parts;
  if (aliases.length > 0) {
    const names = aliases.map(({ alias }) => alias);
    const before = await probe(`See the aliases of ${collection}`).aliasesBefore({ service, aliases: names });
    wayBack.aliases = before.flatMap((one) => (one.collection === collection ? [one.alias] : []));
  }
  const exists = await probe(`See whether ${collection} is there`).collectionExists({ service, collection });
  const replaced = parts.filter(({ name }) => name !== '');
  const kept = { restore, set, at: new Date().toISOString(), aliases: [] };
  // In a cluster also those that held none of it before the restore: what is served now may be there.
  const nodes = exists && replaced.length > 0 ? parts.map(({ node }) => node) : [];
  await takeSafetySnapshots({ service, collection, nodes, kept }, safety);
  wayBack.touched = true;
  for (const one of replaced)
    await transfer(`Bring ${collection} back`).recoverFromSafety({ restore, safety: one });
  if (aliases.length > 0)
    await transfer(`Aliases of ${collection}`).returnAliases({ service, collection, aliases });
}

/** Serve again what was served before the undo, which then keeps nothing; answers what could not be brought back, of which it keeps what there is. */
async function goBack(
  { restore, service }: { restore: string; service: string },
  waysBack: WayBack[],
): Promise<string[]> {
  const stuck: string[] = [];
  for (const { collection, safety, touched, aliases } of waysBack) {
    try {
      for (const one of touched ? safety : [])
        await bringBack(`Serve ${collection} as it was`).recoverFromSafety({ restore, safety: one });
      if (touched && aliases.length > 0)
        await compensate(`Aliases of ${collection}`).setAliases({ service, collection, aliases });
      // Also one whose name nobody was told.
      const kept = await compensate(`See what ${service} has kept`).listKeptSnapshots({ service });
      for (const one of kept.filter((each) => each.restore === restore && each.collection === collection))
        await compensate(`Forget what was kept of ${collection}`).dropKept({ kept: one });
    } catch (failure) {
      stuck.push(`${collection} (${causeOf(failure).message})`);
    }
  }
  return stuck;
}
