import { lookAtSets } from '../adapters/repository/catalog.ts';
import type { DeleteOutcome, Repository } from '../adapters/repository/repository.ts';
import { beginningOf, deleteSet, orphans, tombstones } from '../adapters/repository/set-marks.ts';
import { policyFor } from '../config/retention.ts';
import { LifeboatError } from '../model/failures.ts';
import { KEYS } from '../model/names.ts';
import { retentionSetOf } from '../model/retention/retention-set.ts';
import { planRetention, type RetentionPolicy, type RetentionSet } from '../model/retention.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** How many sets one plan deletes at most; the next run goes on. */
const SETS_A_RUN = 1000;

/** What a dead run left is collected when it is older than this (milliseconds): longer than any upload may take; a copy is tried for seven days. */
export const ORPHAN_GRACE_MS = 8 * 24 * 60 * 60 * 1000;

export interface PrunePlan {
  keep: number;
  expire: { set: string; bytes: number; reason: string }[];
  /** How many more retention lets go: the next runs delete them. Absent from plans of older versions. */
  later?: number;
  /** Sets whose manifest can't be read: never deleted. */
  unreadable: string[];
  /** Sets whose removal was decided before and is not finished. */
  unfinished: string[];
  /** Sets with the mark of such a decision, that retention would keep: not Lifeboat's decision, so it is not followed. */
  contested: string[];
}

export interface Pruned {
  sets: string[];
  bytes: number;
  /** Sets of which the store keeps something for now. */
  locked: string[];
  /** Pinned sets that are not offered all the same: their tombstones could not be taken back. Absent from answers of older versions. */
  hidden?: string[];
  /** The right that the repository's credentials lack; then the sets after the first denied one were left alone. */
  missing?: string;
}

/** What the credentials need to delete, by kind of repository. */
const RIGHT_TO_DELETE: Record<Repository['kind'], string> = {
  directory: 'write permission on its folders',
  s3: 's3:DeleteObject',
  gcs: 'storage.objects.delete',
};

/** Expire and prune. */
export function createRetentionActivities(deps: Dependencies) {
  return {
    /** The repositories that a run is about. */
    async pruneTargets(input: { repository?: string | undefined }): Promise<string[]> {
      return await step('plan', async () => {
        const config = deps.config();
        if (!config.retention) {
          throw new LifeboatError(
            'InvalidConfiguration',
            'There is no "retention" in the configuration, so every set stays: say what stays, for example keepDaily: 7.',
          );
        }
        if (input.repository) return [deps.repository(input.repository).name];
        return config.repositories.map(({ name }) => name);
      });
    },

    /** What retention says of every set of a repository now. */
    async planPrune(input: { repository: string }): Promise<PrunePlan> {
      return await step('plan', async (context) => {
        const { retention } = deps.config();
        if (!retention)
          throw new LifeboatError('InvalidConfiguration', 'There is no "retention" in the configuration.');
        const repository = deps.repository(input.repository);
        const policy = policyFor(retention, repository.name);
        const now = new Date();
        const seen = await readMarked(repository, context.signal);
        const offered = seen.filter(({ tombstoned }) => !tombstoned);
        const plan = planRetention(
          offered.flatMap(({ facts }) => facts ?? []),
          policy,
          now,
        );
        return {
          keep: plan.keep.length,
          expire: plan.expire
            .slice(0, SETS_A_RUN)
            .map(({ set, reason }) => ({ set: set.id, bytes: set.bytes, reason })),
          later: Math.max(0, plan.expire.length - SETS_A_RUN),
          unreadable: offered.flatMap(({ set, facts }) => (facts ? [] : [set])).slice(0, SETS_A_RUN),
          ...judgeTombstones(await tombstones(repository, context.signal), seen, policy, now),
        };
      });
    },

    /** Delete sets; a crash in between leaves tombstones, and the next run finishes. */
    async pruneSets(input: { repository: string; sets: { set: string; reason: string }[] }): Promise<Pruned> {
      return await step('prune', async (context) => {
        const repository = deps.repository(input.repository);
        const hidden: string[] = [];
        const pruned: Pruned = { sets: [], bytes: 0, locked: [], hidden };
        for (const [index, { set, reason }] of input.sets.entries()) {
          context.beat({ step: `pruning ${set}`, percent: Math.round((index / input.sets.length) * 100) });
          const deletion = await deleteSet(repository, set, {
            time: new Date(),
            reason,
            signal: context.signal,
          });
          const { bytes, locked, denied } = deletion;
          if (deletion.hidden) hidden.push(set);
          if (deletion.held) continue;
          pruned.bytes += bytes;
          (locked.length > 0 ? pruned.locked : pruned.sets).push(set);
          // The others would only be hidden by their tombstones, and stay.
          if (denied) return { ...pruned, missing: RIGHT_TO_DELETE[repository.kind] };
        }
        return pruned;
      });
    },

    /** Collect what dead runs left in a repository: artifacts without a manifest, temporary files, unfinished uploads. */
    async collectOrphans(input: {
      repository: string;
    }): Promise<{ folders: number; uploads: number; bytes: number; missing?: string }> {
      return await step('collect', async (context) => {
        const repository = deps.repository(input.repository);
        const found = await orphans(repository, ORPHAN_GRACE_MS, new Date(), context.signal);
        let [folders, bytes] = [0, 0];
        let denied = false;
        for (const orphan of found) {
          context.beat({ step: `collecting ${orphan.set}` });
          // A copy may have been finished since we looked.
          if (await repository.head(KEYS.manifest(orphan.set))) continue;
          const outcomes = new Set<DeleteOutcome>();
          for (const key of orphan.keys) outcomes.add(await repository.delete(key));
          denied = outcomes.has('denied');
          if (denied) break;
          if (outcomes.has('locked')) continue;
          folders += 1;
          bytes += orphan.bytes;
        }
        return {
          folders,
          uploads: await repository.sweep(ORPHAN_GRACE_MS, context.signal),
          bytes,
          ...(denied ? { missing: RIGHT_TO_DELETE[repository.kind] } : {}),
        };
      });
    },
  };
}

/** A set with what retention needs to know of it; without that when its manifest can't be read. */
interface MarkedSet {
  set: string;
  tombstoned: boolean;
  facts: RetentionSet | undefined;
}

async function readMarked(repository: Repository, signal: AbortSignal): Promise<MarkedSet[]> {
  return await lookAtSets(repository, { tombstoned: true, signal }, (one) => ({
    set: one.set,
    tombstoned: one.tombstoned,
    facts: 'manifest' in one ? retentionSetOf(one.manifest, one) : undefined,
  }));
}

/**
 * Which decisions to prune are followed. Anybody who can add to a repository can write a tombstone, and credentials that only add must not be
 * enough to have sets deleted: so it counts only where retention, asked with all sets, lets the set go as well. Where the manifest is gone
 * already, the pruner that began has nearly finished; but a run that is under way has none yet either, so a young one waits.
 */
export function judgeTombstones(
  marks: string[],
  seen: readonly MarkedSet[],
  policy: RetentionPolicy,
  now: Date,
): Pick<PrunePlan, 'unfinished' | 'contested'> {
  if (marks.length === 0) return { unfinished: [], contested: [] };
  const plan = planRetention(
    seen.flatMap(({ facts }) => facts ?? []),
    policy,
    now,
  );
  const leaving = new Set(plan.expire.map(({ set }) => set.id));
  const known = new Map(seen.map((one) => [one.set, one]));
  const unfinished: string[] = [];
  const contested: string[] = [];
  for (const set of marks) {
    const old = now.getTime() - (beginningOf(set)?.getTime() ?? Infinity) > ORPHAN_GRACE_MS;
    const followed = known.has(set) ? leaving.has(set) : old;
    (followed ? unfinished : contested).push(set);
  }
  return { unfinished: unfinished.slice(0, SETS_A_RUN), contested: contested.slice(0, SETS_A_RUN) };
}
