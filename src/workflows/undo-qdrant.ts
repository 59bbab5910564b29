import { CancellationScope, executeChild } from '@temporalio/workflow';
import type { KeptSnapshot } from '../activities/kept-collections.ts';
import type { SnapshotReference } from '../activities/qdrant.ts';
import { bringBack, compensate, probe, transfer } from './activity-options.ts';
import { alone } from './exclusive.ts';
import { fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';

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

/**
 * The critical section of an undo: each collection goes back to its safety snapshot, and the aliases to where they pointed. What was served until
 * then is kept in its turn, and comes back when anything fails. A collection that the restore had made anew stays, without its aliases.
 */
export async function undoCollections({ restore, service, snapshots }: UndoInput): Promise<string[]> {
  // Another undo may have had the lock before.
  const now = await probe(`See what ${service} has kept`).listKeptSnapshots({ service });
  const wanted = snapshots.filter((one) => now.some((each) => isSame(one, each)));
  for (const { collection, restore: undone } of snapshots.filter((one) => !wanted.includes(one))) {
    throw fail(
      'NothingToUndo',
      `What the restore ${undone} had kept of "${collection}" is there no more: another restore or undo of ${service} was faster. Nothing was changed.`,
    );
  }
  for (const [collection, parts] of Map.groupBy(wanted, (one) => one.collection))
    await undoCollection({ restore, service, collection }, parts);
  return [...new Set(wanted.map(({ collection }) => collection))];
}

const isSame = (one: KeptSnapshot, other: KeptSnapshot): boolean =>
  one.restore === other.restore &&
  one.collection === other.collection &&
  one.node === other.node &&
  one.name === other.name;

async function undoCollection(
  { restore, service, collection }: { restore: string; service: string; collection: string },
  parts: KeptSnapshot[],
): Promise<void> {
  const [{ aliases, set } = { aliases: [], set: '' }] = parts;
  const exists = await probe(`See whether ${collection} is there`).collectionExists({ service, collection });
  const replaced = parts.filter(({ name }) => name !== '');
  const now = { restore, set, at: new Date().toISOString(), aliases: [] };
  const safety: SnapshotReference[] = [];
  let touched = false;
  try {
    for (const { node } of exists ? replaced : []) {
      const at = { service, node, collection };
      const known = await probe(`See which snapshots of ${collection} are not ours`).listSnapshots(at);
      safety.push(
        await transfer(`Take a safety snapshot of ${collection}`).takeSnapshot({ ...at, known, kept: now }),
      );
    }
    touched = true;
    for (const kept of replaced)
      await transfer(`Bring ${collection} back`).recoverFromSafety({ restore, safety: kept });
  } catch (error) {
    await CancellationScope.nonCancellable(async () => {
      for (const one of touched ? safety : [])
        await bringBack(`Serve ${collection} as it was`).recoverFromSafety({ restore, safety: one });
      // Also one whose name nobody was told.
      const kept = await compensate(`See what ${service} has kept`).listKeptSnapshots({ service });
      for (const one of kept.filter((each) => each.restore === restore && each.collection === collection))
        await compensate(`Forget what was kept of ${collection}`).dropKept({ kept: one });
    });
    throw error;
  }
  if (aliases.length > 0)
    await transfer(`Aliases of ${collection}`).returnAliases({ service, collection, aliases });
  await CancellationScope.nonCancellable(async () => {
    for (const { node, name } of safety) {
      const kept = { service, node, collection, name, ...now };
      await compensate(`Keep what ${collection} was`).keepCollection({ kept });
    }
    // Where nothing was served that could be kept, what was brought back is forgotten by itself.
    for (const kept of parts.filter(({ node }) => !safety.some((one) => one.node === node)))
      await compensate(`Forget what was kept of ${collection}`).dropKept({ kept });
  });
}
