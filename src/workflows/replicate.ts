import { upsertSearchAttributes } from '@temporalio/workflow';
import { parseInput, type ReplicateInput, replicateInput } from '../model/inputs.ts';
import { formatBytes } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { probe, replication } from './activity-options.ts';
import { causeOf, fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { andTell, type Subject } from './tell.ts';

/** By target: what was copied, and what could not be. */
export interface ReplicateResult {
  from: string;
  targets: Record<string, { copied: string[]; bytes: number; failed: { set: string; message: string }[] }>;
}

/** Copy sets to other repositories; every target has its own retries, and one that is away does not hold up the others. */
export async function replicate(input?: unknown): Promise<ReplicateResult> {
  const wanted = orFail(() => parseInput('replicate', replicateInput, input));
  const subject: Subject = { services: [] };
  return await andTell('replicate', subject, async () => await copyAll(wanted, subject), { quiet: true });
}

async function copyAll(wanted: ReplicateInput, subject: Subject): Promise<ReplicateResult> {
  const report = new ProgressReport();
  report.phase('replicating');
  const { from, to } = await probe('See what is copied where').replicationTargets(wanted);
  Object.assign(subject, { repositories: to });
  if (to.length > 0) upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.repository, value: to }]);
  const targets: ReplicateResult['targets'] = {};
  await Promise.all(
    to.map(async (target) => {
      targets[target] = await copyTo(target, from, wanted.set, report);
    }),
  );
  const failed = Object.entries(targets).flatMap(([to, state]) =>
    state.failed.map((one) => `${one.set} to ${to}: ${one.message}`),
  );
  if (failed.length > 0) {
    throw fail(
      'ReplicationFailed',
      `${failed.length} copies could not be made: ${failed.slice(0, 3).join(' ')}`,
      { targets },
    );
  }
  report.phase('done');
  return { from, targets };
}

type Target = ReplicateResult['targets'][string];

async function copyTo(
  to: string,
  from: string,
  wanted: string | undefined,
  report: ProgressReport,
): Promise<Target> {
  const state: Target = { copied: [], bytes: 0, failed: [] };
  const attempt = async (set: string, call: () => Promise<void>) => {
    try {
      await call();
    } catch (error) {
      const { type, message } = causeOf(error);
      if (type === 'Cancelled') throw error;
      state.failed.push({ set, message });
      report.line(`${set} could not be copied to ${to}: ${message}`);
    }
  };
  let missing: string[] = [];
  await attempt(wanted ?? 'what is missing', async () => {
    missing = await replication(`See what ${to} lacks`).missingIn({ from, to, set: wanted });
  });
  for (const set of missing) {
    report.service(to, `copying ${set}`);
    await attempt(set, async () => {
      const { bytes } = await replication(`Copy ${set} to ${to}`).replicateSet({ from, to, set });
      state.copied.push(set);
      state.bytes += bytes;
      report.line(`${set} is in ${to} (${formatBytes(bytes)}).`);
    });
  }
  return state;
}
