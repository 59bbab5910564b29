import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  executeChild,
  isCancellation,
  ParentClosePolicy,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { type PruneInput, parseInput, pruneInput } from '../model/inputs.ts';
import { prunerId } from '../model/names.ts';
import { DRY_RUN, DRY_RUN_ENDED, formatBytes } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { catalog, probe, transfer } from './activity-options.ts';
import { causeOf, fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { andTell } from './tell.ts';

/** What pruning one repository came to. */
export interface PrunedRepository {
  keep: number;
  expired: { set: string; reason: string }[];
  /** How many more retention lets go; one run takes a thousand, and the next ones these. */
  later: number;
  deleted: string[];
  /** Sets of which the store keeps something for now (Object Lock, or credentials that may not delete). */
  locked: string[];
  /** Sets that were pinned while they were pruned, and are not offered because their tombstones could not be taken back. */
  hidden?: string[];
  /** The right that the repository's credentials lack to delete; then what retention lets go stays. */
  missing?: string;
  bytes: number;
  unreadable: string[];
  /** Sets with a tombstone that retention would keep: somebody else wrote it, or the policy changed. Nothing of them is deleted. */
  contested: string[];
  orphans: number;
}

export interface PruneResult {
  dryRun: boolean;
  repositories: Record<string, PrunedRepository>;
}

/** Sets that are deleted in one activity. */
const BATCH = 50;

/** Delete the sets that retention lets go, in every repository or in one. */
export async function prune(input?: unknown): Promise<PruneResult> {
  const wanted = orFail(() => parseInput('prune', pruneInput, input));
  // A dry run is somebody's question, who sees the answer.
  if (wanted.dryRun) return await pruneAll(wanted);
  return await andTell('prune', { services: [] }, async () => await pruneAll(wanted), { quiet: true });
}

async function pruneAll(wanted: PruneInput): Promise<PruneResult> {
  const report = new ProgressReport();
  report.phase(wanted.dryRun ? DRY_RUN : 'pruning');
  const targets = await probe('See where retention holds').pruneTargets(wanted);
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.repository, value: targets }]);
  const repositories: PruneResult['repositories'] = {};
  let failure: unknown;
  for (const repository of targets) {
    const dryRun = wanted.dryRun ?? false;
    let pruned: PrunedRepository;
    try {
      pruned = await alone(repository, dryRun);
    } catch (error) {
      if (isCancellation(error)) throw error;
      // One that is away must not keep the others full.
      report.line(`${repository} could not be pruned: ${causeOf(error).message}`);
      failure ??= error;
      continue;
    }
    repositories[repository] = pruned;
    const { keep, expired, later, deleted, bytes, locked, hidden = [], contested, missing } = pruned;
    const rest = later > 0 ? ` The next runs take ${later} more.` : '';
    report.line(
      dryRun
        ? `${repository}: ${keep} would stay, ${expired.length} would go.${rest}`
        : `${repository}: ${keep} stay, ${deleted.length} deleted (${formatBytes(bytes)}).${rest}`,
    );
    if (missing) {
      report.line(
        `${repository}: its credentials may not delete (${missing} is missing), so what retention lets go stays (${expired.length} sets): prune with credentials that may.`,
      );
    } else if (locked.length > 0) {
      report.line(`${repository}: ${locked.length} sets are locked: ${named(locked)}.`);
    }
    if (hidden.length > 0) {
      report.line(
        `${repository}: ${hidden.length} sets are pinned, so nothing more of them is deleted, and not offered, because their tombstones could not be taken back: ${named(hidden)}. Delete tombstones/<set>.json as soon as the store lets you, and verify the set.`,
      );
    }
    if (contested.length > 0) {
      report.line(
        `${repository}: ${contested.length} sets have a tombstone and retention would keep them, so nothing of them is deleted: ${named(contested)}. See docs/runbook.md.`,
      );
    }
  }
  if (failure !== undefined) throw failure;
  report.phase(wanted.dryRun ? DRY_RUN_ENDED : 'done');
  return { dryRun: wanted.dryRun ?? false, repositories };
}

const named = (sets: string[]): string =>
  sets.slice(0, 5).join(', ') + (sets.length > 5 ? ` and ${sets.length - 5} more` : '');

/** Two pruners of one repository could each delete what the other counts on: its id lets only one run. */
async function alone(repository: string, dryRun: boolean): Promise<PrunedRepository> {
  if (dryRun) return await pruneRepository({ repository, dryRun });
  try {
    return await executeChild(pruneRepository, {
      workflowId: prunerId(repository, workflowInfo().taskQueue),
      args: [{ repository, dryRun }],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `Prune ${repository}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw fail(
      'RepositoryBusy',
      `The repository "${repository}" is being pruned by another run: wait for it.`,
    );
  }
}

/** Prune one repository: what was decided before first, then what retention says now, then what dead runs left. */
export async function pruneRepository(input: {
  repository: string;
  dryRun: boolean;
}): Promise<PrunedRepository> {
  const { repository } = input;
  const plan = await catalog(`Plan retention in ${repository}`).planPrune({ repository });
  const result: PrunedRepository = {
    keep: plan.keep,
    expired: plan.expire.map(({ set, reason }) => ({ set, reason })),
    later: plan.later ?? 0,
    deleted: [],
    locked: [],
    bytes: 0,
    unreadable: plan.unreadable,
    contested: plan.contested ?? [],
    orphans: 0,
  };
  if (input.dryRun) return result;
  const sets = [
    ...plan.unfinished.map((set) => ({ set, reason: 'its removal was decided before' })),
    ...result.expired,
  ];
  for (let at = 0; at < sets.length; at += BATCH) {
    const batch = sets.slice(at, at + BATCH);
    const pruned = await transfer(`Delete ${batch.length} sets from ${repository}`).pruneSets({
      repository,
      sets: batch,
    });
    result.deleted.push(...pruned.sets);
    result.locked.push(...pruned.locked);
    result.bytes += pruned.bytes;
    if (pruned.hidden?.length) result.hidden = [...(result.hidden ?? []), ...pruned.hidden];
    if (pruned.missing === undefined) continue;
    result.missing = pruned.missing;
    break;
  }
  const collected = await transfer(`Collect what dead runs left in ${repository}`).collectOrphans({
    repository,
  });
  result.orphans = collected.folders + collected.uploads;
  result.bytes += collected.bytes;
  if (collected.missing) result.missing = collected.missing;
  return result;
}
