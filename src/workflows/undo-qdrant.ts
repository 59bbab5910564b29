import { executeChild } from '@temporalio/workflow';
import type { KeptSnapshot } from '../activities/kept-collections.ts';
import { compensate, probe, transfer } from './activity-options.ts';
import { alone } from './exclusive.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';

/** Bring back what the last restore of a Qdrant service replaced, under its lock; undefined when nothing is kept. */
export async function undoQdrant(
  service: string,
  options: { restore: string; report: ProgressReport; wait: boolean },
): Promise<RestoredService | undefined> {
  const { restore, report, wait } = options;
  if ((await probe(`See what ${service} has kept`).listKeptSnapshots({ service })).length === 0)
    return undefined;
  report.service(service, 'bringing collections back');
  const work = { restore, service };
  const undone = await alone((section) => executeChild(undoCollections, { ...section, args: [work] }), {
    service,
    summary: `Undo the last restore of ${service}`,
    wait,
  });
  if (undone.collections.length === 0) return undefined;
  report.line(
    `${service} has again what the restore ${undone.of} of ${undone.collections.join(', ')} had replaced.`,
  );
  return { service, collections: undone.collections, offlineSeconds: 0, compared: false };
}

/**
 * The critical section of an undo: the aliases go back to where they pointed, and each collection to its safety snapshot. One that
 * fails keeps what it has not brought back, so it can be tried again. A collection that the restore had made anew stays, without its aliases.
 */
export async function undoCollections(input: {
  restore: string;
  service: string;
}): Promise<{ of: string; collections: string[] }> {
  const { restore, service } = input;
  const all = await probe(`See what ${service} has kept`).listKeptSnapshots({ service });
  const of = all[0]?.restore ?? '';
  const last = all.filter((kept) => kept.restore === of);
  for (const kept of last) await bringBack(restore, kept);
  return { of, collections: [...new Set(last.map(({ collection }) => collection))] };
}

async function bringBack(restore: string, kept: KeptSnapshot): Promise<void> {
  const { service, collection, aliases } = kept;
  if (kept.name !== '')
    await transfer(`Bring ${collection} back`).recoverFromSafety({ restore, safety: kept });
  if (aliases.length > 0)
    await transfer(`Aliases of ${collection}`).returnAliases({ service, collection, aliases });
  await compensate(`Forget what was kept of ${collection}`).dropKept({ kept });
}
