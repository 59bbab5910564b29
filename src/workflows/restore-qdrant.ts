import { CancellationScope, executeChild, isCancellation } from '@temporalio/workflow';
import type { AliasBefore } from '../activities/collection-aliases.ts';
import type { SnapshotReference } from '../activities/qdrant.ts';
import type { CollectionRestore } from '../activities/restore-qdrant.ts';
import type { RestoreInput } from '../model/inputs.ts';
import { bringBack, compensate, inWindow, probe, transfer } from './activity-options.ts';
import { alone } from './exclusive.ts';
import { causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';
import { takeSafetySnapshots } from './safety-snapshots.ts';

export interface CollectionsInput {
  restore: string;
  set: string;
  repository: string;
  service: string;
  collections: CollectionRestore[];
  switchAlias: boolean;
}

/** Restore the collections of one Qdrant service, under the lock of the service. */
export async function restoreQdrant(
  service: string,
  collections: CollectionRestore[],
  options: { restore: string; set: string; repository: string; input: RestoreInput; report: ProgressReport },
): Promise<RestoredService> {
  const { restore, set, repository, input, report } = options;
  report.service(service, 'restoring collections');
  const switchAlias = input.switchAlias ?? false;
  const work: CollectionsInput = { restore, set, repository, service, collections, switchAlias };
  const names = await alone((section) => executeChild(restoreCollections, { ...section, args: [work] }), {
    service,
    summary: `Restore ${collections.length} collections of ${service}`,
    wait: input.wait ?? false,
  });
  report.line(`${service}: ${names.join(', ')} restored.`);
  report.service(service, 'restored');
  return { service, collections: names, offlineSeconds: 0, compared: true, kept: restore };
}

/** What brings one collection back to what it was. */
interface WayBack {
  collection: CollectionRestore;
  /** It was there before; asked under the lock. */
  exists: boolean;
  /** What it held may have been replaced. */
  touched: boolean;
  /** Of which a safety snapshot is taken. */
  nodes: string[];
  safety: SnapshotReference[];
  /** Where the aliases that it gets pointed before. */
  aliases: AliasBefore[];
}

/**
 * The critical section of a restore of Qdrant: each collection gets a safety snapshot before it is touched; when anything fails, or
 * the parent goes away, all that were touched are brought back from theirs.
 */
export async function restoreCollections(input: CollectionsInput): Promise<string[]> {
  const waysBack: WayBack[] = [];
  const stuck: string[] = [];
  try {
    for (const collection of input.collections) await restoreCollection(input, collection, waysBack);
  } catch (error) {
    await CancellationScope.nonCancellable(async () => {
      for (const wayBack of waysBack.reverse()) {
        await goBack(input, wayBack).catch((failure: unknown) =>
          stuck.push(`${wayBack.collection.to} (${causeOf(failure).message})`),
        );
      }
    });
    const { type, message } = causeOf(error);
    if (stuck.length > 0) {
      throw fail(
        'RestoreFailed',
        `The restore of ${input.service} failed, and not everything could be brought back: ${stuck.join('; ')}. What was there before is kept: bring it back with lifeboat restore --undo. What failed first: ${message}`,
        { cause: type },
      );
    }
    if (isCancellation(error)) throw error;
    throw fail(
      'RestoreFailed',
      `The restore of ${input.service} failed, and its collections are as they were before. What failed: ${message}`,
      { cause: type },
    );
  }
  await CancellationScope.nonCancellable(async () => {
    for (const wayBack of waysBack) await keep(input, wayBack);
  });
  return input.collections.map(({ to }) => to);
}

async function restoreCollection(
  { restore, set, repository, service, switchAlias }: CollectionsInput,
  collection: CollectionRestore,
  waysBack: WayBack[],
): Promise<void> {
  const { from, to, record, parts, holders = [] } = collection;
  const wanted = from === to || switchAlias ? record.aliases : [];
  const aliases =
    wanted.length > 0
      ? await probe(`See the aliases of ${from}`).aliasesBefore({ service, aliases: wanted })
      : [];
  const exists = await probe(`See whether ${to} is there`).collectionExists({ service, collection: to });
  // What is replaced may be on other nodes of a cluster than those that the snapshots go to: the server takes a shard away from a node when it has been restored on another one.
  const holding = holders.length > 0 ? holders : parts.map(({ node }) => node);
  const nodes = exists ? holding : [];
  const wayBack: WayBack = { collection, exists, touched: false, nodes, safety: [], aliases };
  waysBack.push(wayBack);
  const kept = { restore, set, at: new Date().toISOString(), aliases };
  await takeSafetySnapshots({ service, collection: to, nodes, kept }, wayBack.safety);
  wayBack.touched = true;
  for (const part of parts.keys()) {
    await transfer(`Upload ${from} to ${to}`, { attempts: 5 }).uploadArtifact({
      restore,
      repository,
      collection,
      part,
    });
  }
  const differences = await inWindow(`Compare ${to} with the manifest`).compareCollection({
    collection: { ...collection, exists },
  });
  if (differences.length > 0) {
    throw fail(
      'CountsDisagree',
      `What was restored into "${to}" is not what the manifest says: ${differences.slice(0, 5).join('; ')}.`,
      {
        differences: differences.slice(0, 50),
      },
    );
  }
  if (wanted.length > 0)
    await inWindow(`Let ${wanted.join(', ')} point to ${to}`).setAliases({
      service,
      collection: to,
      aliases: wanted,
    });
}

/** Keep for an undo what this restore replaced: the safety snapshot of each node, and where the aliases pointed. */
async function keep(
  { restore, set, service }: CollectionsInput,
  { collection: { to, parts }, safety, aliases }: WayBack,
): Promise<void> {
  const at = new Date().toISOString();
  const names = new Map(safety.map(({ node, name }) => [node, name]));
  for (const node of new Set([...names.keys(), ...parts.map((part) => part.node)])) {
    const kept = { service, node, collection: to, name: names.get(node) ?? '', restore, set, at, aliases };
    // A collection that was made anew has nothing to go back to but the aliases that came to it. One that was there may be on another node now, which an undo has to know.
    if (names.size === 0 && aliases.length === 0) continue;
    await compensate(`Keep what ${to} was`).keepCollection({ kept });
  }
}

async function goBack(
  { restore, service }: CollectionsInput,
  { collection: { to }, exists, touched, nodes, safety, aliases }: WayBack,
): Promise<void> {
  if (aliases.length > 0)
    await compensate(`Aliases of ${to}`).returnAliases({ service, collection: to, aliases });
  if (!exists) {
    if (!touched) return;
    await compensate(`Delete ${to}, which was not there before`).deleteCollection({
      service,
      collection: to,
    });
    return;
  }
  for (const one of safety) {
    if (touched) await bringBack(`Bring ${to} back`).recoverFromSafety({ restore, safety: one });
    await compensate('Delete the safety snapshot').deleteSnapshot({ snapshot: one });
  }
  if (safety.length === nodes.length) return;
  // One whose name nobody was told: what was never replaced is not to be brought back by an undo.
  const kept = await compensate(`See what ${service} has kept`).listKeptSnapshots({ service });
  for (const one of kept.filter((each) => each.restore === restore && each.collection === to)) {
    await compensate(`Forget what was kept of ${to}`).dropKept({ kept: one });
  }
}
