import { readSets } from '../adapters/repository/catalog.ts';
import { deleteSet, orphans, tombstones } from '../adapters/repository/set-marks.ts';
import { policyFor } from '../config/retention.ts';
import { LifeboatError } from '../model/failures.ts';
import { retentionSetOf } from '../model/retention/retention-set.ts';
import { planRetention } from '../model/retention.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** How many sets one plan deletes at most; the next run goes on. */
const SETS_A_RUN = 1000;

/** What a dead run left is collected when it is older than this (milliseconds): longer than any upload may take. */
export const ORPHAN_GRACE_MS = 72 * 60 * 60 * 1000;

export interface PrunePlan {
  keep: number;
  expire: { set: string; bytes: number; reason: string }[];
  /** Sets whose manifest can't be read: never deleted. */
  unreadable: string[];
  /** Sets whose removal was decided before and is not finished. */
  unfinished: string[];
}

export interface Pruned {
  sets: string[];
  bytes: number;
  /** Sets of which the store keeps something for now. */
  locked: string[];
}

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
        const details = await readSets(repository, { signal: context.signal });
        const sets = details.flatMap((one) => ('manifest' in one ? [retentionSetOf(one.manifest, one)] : []));
        const plan = planRetention(sets, policyFor(retention, repository.name), new Date());
        return {
          keep: plan.keep.length,
          expire: plan.expire
            .slice(0, SETS_A_RUN)
            .map(({ set, reason }) => ({ set: set.id, bytes: set.bytes, reason })),
          unreadable: details.filter((one) => 'problem' in one).map(({ set }) => set),
          unfinished: (await tombstones(repository, context.signal)).slice(0, SETS_A_RUN),
        };
      });
    },

    /** Delete sets; a crash in between leaves tombstones, and the next run finishes. */
    async pruneSets(input: { repository: string; sets: { set: string; reason: string }[] }): Promise<Pruned> {
      return await step('prune', async (context) => {
        const repository = deps.repository(input.repository);
        const pruned: Pruned = { sets: [], bytes: 0, locked: [] };
        for (const [index, { set, reason }] of input.sets.entries()) {
          context.beat({ step: `pruning ${set}`, percent: Math.round((index / input.sets.length) * 100) });
          const { bytes, locked } = await deleteSet(repository, set, {
            time: new Date(),
            reason,
            signal: context.signal,
          });
          pruned.bytes += bytes;
          (locked.length > 0 ? pruned.locked : pruned.sets).push(set);
        }
        return pruned;
      });
    },

    /** Collect what dead runs left in a repository: artifacts without a manifest, temporary files, unfinished uploads. */
    async collectOrphans(input: {
      repository: string;
    }): Promise<{ folders: number; uploads: number; bytes: number }> {
      return await step('collect', async (context) => {
        const repository = deps.repository(input.repository);
        const found = await orphans(repository, ORPHAN_GRACE_MS, new Date(), context.signal);
        let bytes = 0;
        for (const orphan of found) {
          context.beat({ step: `collecting ${orphan.set}` });
          for (const key of orphan.keys) await repository.delete(key);
          bytes += orphan.bytes;
        }
        return {
          folders: found.length,
          uploads: await repository.sweep(ORPHAN_GRACE_MS, context.signal),
          bytes,
        };
      });
    },
  };
}
