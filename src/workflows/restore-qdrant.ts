import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { SnapshotReference } from '../activities/qdrant.ts';
import type { CollectionRestore } from '../activities/restore-qdrant.ts';
import type { RestoreInput } from '../model/inputs.ts';
import { criticalSectionId } from '../model/names.ts';
import { compensate, inWindow, probe, transfer } from './activity-options.ts';
import { causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';

export interface CollectionsInput {
  restore: string;
  repository: string;
  service: string;
  collections: CollectionRestore[];
  switchAlias: boolean;
}

/** Restore the collections of one Qdrant service, under the lock of the service. */
export async function restoreQdrant(
  service: string,
  collections: CollectionRestore[],
  options: { restore: string; repository: string; input: RestoreInput; report: ProgressReport },
): Promise<RestoredService> {
  const { restore, repository, input, report } = options;
  report.service(service, 'restoring collections');
  const names = await alone(
    { restore, repository, service, collections, switchAlias: input.switchAlias ?? false },
    input.wait ?? false,
  );
  report.line(`${service}: ${names.join(', ')} restored.`);
  report.service(service, 'restored');
  return { service, collections: names, offlineSeconds: 0, compared: true, kept: restore };
}

async function alone(input: CollectionsInput, wait: boolean): Promise<string[]> {
  const workflowId = criticalSectionId(input.service, workflowInfo().taskQueue);
  while (true) {
    try {
      return await executeChild(restoreCollections, {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: `Restore ${input.collections.length} collections of ${input.service}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (!wait) {
        throw fail(
          'ServiceBusy',
          `Service "${input.service}" is in use by another run of Lifeboat (workflow ${workflowId}): wait for it, or start this one with "wait": true.`,
        );
      }
      await sleep('2 seconds');
    }
  }
}

/** What brings one collection back to what it was. */
interface WayBack {
  collection: CollectionRestore;
  safety: SnapshotReference[];
  aliases: string[];
  /** With another name: the aliases of the collection that it came from, which may be switched. */
  aliasesOfSource: string[];
}

/**
 * The critical section of a restore of Qdrant: each collection gets a safety snapshot before it is touched; when anything fails, or
 * the parent goes away, all that were touched are brought back from theirs.
 */
export async function restoreCollections(input: CollectionsInput): Promise<string[]> {
  const waysBack: WayBack[] = [];
  try {
    for (const collection of input.collections) await restoreCollection(input, collection, waysBack);
  } catch (error) {
    await CancellationScope.nonCancellable(async () => {
      for (const wayBack of waysBack.reverse()) await goBack(input, wayBack);
    });
    if (isCancellation(error)) throw error;
    const { type, message } = causeOf(error);
    throw fail(
      'RestoreFailed',
      `The restore of ${input.service} failed, and its collections are as they were before. What failed: ${message}`,
      { cause: type },
    );
  }
  await CancellationScope.nonCancellable(async () => {
    for (const { safety } of waysBack) {
      for (const one of safety)
        await compensate('Keep the safety snapshot').keepSafety({ restore: input.restore, safety: one });
    }
  });
  return input.collections.map(({ to }) => to);
}

async function restoreCollection(
  { restore, repository, service, switchAlias }: CollectionsInput,
  collection: CollectionRestore,
  waysBack: WayBack[],
): Promise<void> {
  const { from, to, record, parts, exists } = collection;
  const aliases = await probe(`See the aliases of ${to}`).aliasesOf({ service, collection: to });
  const aliasesOfSource =
    from === to ? [] : await probe(`See the aliases of ${from}`).aliasesOf({ service, collection: from });
  const wayBack: WayBack = { collection, safety: [], aliases, aliasesOfSource };
  waysBack.push(wayBack);
  if (exists) {
    for (const { node } of parts) {
      const at = { service, node, collection: to };
      const known = await probe(`See which snapshots of ${to} are not ours`).listSnapshots(at);
      wayBack.safety.push(await transfer(`Take a safety snapshot of ${to}`).takeSnapshot({ ...at, known }));
    }
  }
  for (const part of parts.keys()) {
    await transfer(`Upload ${from} to ${to}`, { attempts: 5 }).uploadArtifact({
      restore,
      repository,
      collection,
      part,
    });
  }
  const differences = await inWindow(`Compare ${to} with the manifest`).compareCollection({ collection });
  if (differences.length > 0) {
    throw fail(
      'CountsDisagree',
      `What was restored into "${to}" is not what the manifest says: ${differences.slice(0, 5).join('; ')}.`,
      {
        differences: differences.slice(0, 50),
      },
    );
  }
  const wanted = from === to || switchAlias ? record.aliases : [];
  if (wanted.length > 0)
    await inWindow(`Let ${wanted.join(', ')} point to ${to}`).setAliases({
      service,
      collection: to,
      aliases: wanted,
    });
}

async function goBack(
  { restore, service }: CollectionsInput,
  { collection, safety, aliases, aliasesOfSource }: WayBack,
): Promise<void> {
  const { from, to, exists } = collection;
  if (aliasesOfSource.length > 0) {
    await compensate(`Aliases of ${from}`).setAliases({
      service,
      collection: from,
      aliases: aliasesOfSource,
    });
  }
  if (!exists) {
    await compensate(`Delete ${to}, which was not there before`).deleteCollection({
      service,
      collection: to,
    });
    return;
  }
  for (const one of safety) {
    await compensate(`Bring ${to} back`).recoverFromSafety({ restore, safety: one });
    await compensate('Delete the safety snapshot').deleteSnapshot({ snapshot: one });
  }
  if (aliases.length > 0)
    await compensate(`Aliases of ${to}`).setAliases({ service, collection: to, aliases });
}
