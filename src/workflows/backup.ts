import {
  isCancellation,
  ParentClosePolicy,
  sleep,
  startChild,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { QdrantPlan } from '../activities/qdrant.ts';
import type { RunPlan } from '../activities/repository.ts';
import { type BackupInput, backupInput, parseInput } from '../model/inputs.ts';
import type { Artifact, Manifest } from '../model/manifest.ts';
import { setId } from '../model/names.ts';
import { formatBytes } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { catalog, probe } from './activity-options.ts';
import { backupNeo4j, type ServiceBackup } from './backup-neo4j.ts';
import { backupQdrant } from './backup-qdrant.ts';
import { captureConsistently } from './capture-consistently.ts';
import { causeOf, fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { replicate } from './replicate.ts';
import { andTell, type Subject } from './tell.ts';

/** What a backup answers. */
export interface BackupResult {
  set: string;
  /** `partial`: a service is missing; `failures` says which and why. */
  state: Manifest['state'];
  /** State by repository. */
  repositories: Record<string, 'ok' | 'pending' | 'failed'>;
  bytes: number;
  seconds: number;
  offlineSeconds: Record<string, number>;
  /** By service that was paused instead of stopped; absent where none was. */
  frozenSeconds?: Record<string, number>;
  artifacts: number;
  failures: Manifest['failures'];
  manifest: string;
}

/** Back up all services, or those that are named, as one set. */
export async function backup(input?: unknown): Promise<BackupResult> {
  const wanted = orFail(() => parseInput('backup', backupInput, input));
  const subject: Subject = { services: wanted.services ?? [] };
  return await andTell('backup', subject, async () => await takeSet(wanted, subject), {
    outcomeOf: ({ state }) => (state === 'complete' ? 'ok' : 'partial'),
  });
}

async function takeSet(wanted: BackupInput, subject: Subject): Promise<BackupResult> {
  const info = workflowInfo();
  const set = setId(info.startTime, uuid4());
  const report = new ProgressReport();
  report.set(set);
  report.phase('planning');

  const plan = await probe('Plan the run').planRun({ ...wanted, check: true });
  const [primary] = plan.repositories;
  if (!primary)
    throw fail(
      'InvalidConfiguration',
      'No repository is configured: name one under "repositories" in lifeboat.yaml.',
    );
  upsertSearchAttributes([
    { key: SEARCH_ATTRIBUTES.service, value: plan.services.map(({ name }) => name) },
    { key: SEARCH_ATTRIBUTES.repository, value: plan.repositories },
  ]);
  Object.assign(subject, { services: plan.services.map(({ name }) => name), set });

  report.phase('capturing');
  const captured: ServiceBackup<Manifest['services'][number]>[] = [];
  const failures: Manifest['failures'] = [];
  const outcomes = plan.consistent
    ? await captureAllConsistently(plan, { set, primary, wait: wanted.wait ?? false, report })
    : await Promise.allSettled(
        plan.services.map(async (service) => {
          const detailed = await planService(service, primary, report);
          const options = { set, repository: primary, report };
          return detailed.kind === 'neo4j'
            ? await backupNeo4j(detailed, { ...options, hold: false, wait: wanted.wait ?? false })
            : await backupQdrant(detailed, options);
        }),
      );
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') {
      captured.push(outcome.value);
      continue;
    }
    if (isCancellation(outcome.reason)) throw outcome.reason;
    const { type, message } = causeOf(outcome.reason);
    const service = plan.services[index]?.name ?? '';
    report.line(`${service} failed: ${message}`);
    failures.push({ service, type, message });
  }
  if (captured.length === 0) throw (outcomes[0] as PromiseRejectedResult).reason;

  report.phase('committing');
  const artifacts = captured.flatMap((one) => one.artifacts);
  const { key } = await catalog(`Commit set ${set}`).commitSet({
    repository: primary,
    draft: {
      set,
      createdAt: info.startTime.toISOString(),
      run: { workflowId: info.workflowId, runId: info.runId },
      state: failures.length > 0 ? 'partial' : 'complete',
      consistent: plan.consistent && !captured.some(({ late }) => late),
      skewSeconds: skewOf(artifacts),
      services: captured.map(({ record }) => record),
      failures,
      artifacts,
    },
  });
  const bytes = artifacts.reduce((sum, artifact) => sum + artifact.stored.bytes, 0);
  Object.assign(subject, { bytes, failures });
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.bytes, value: bytes }]);
  report.line(`Set ${set} is committed in ${primary}: ${artifacts.length} artifacts, ${formatBytes(bytes)}.`);
  const copies = await replicateTo(plan.repositories.slice(1), { set, from: primary, report });
  report.phase(failures.length > 0 ? 'partial' : 'done');
  const frozen = Object.fromEntries(
    captured.flatMap(({ record }) =>
      record.kind === 'neo4j' && record.frozenSeconds ? [[record.name, record.frozenSeconds]] : [],
    ),
  );
  return {
    set,
    state: failures.length > 0 ? 'partial' : 'complete',
    repositories: { [primary]: 'ok', ...copies },
    bytes,
    seconds: Math.round((Date.now() - info.startTime.getTime()) / 100) / 10,
    offlineSeconds: Object.fromEntries(
      captured.flatMap(({ record }) =>
        record.kind === 'neo4j' ? [[record.name, record.offlineSeconds]] : [],
      ),
    ),
    ...(Object.keys(frozen).length > 0 ? { frozenSeconds: frozen } : {}),
    artifacts: artifacts.length,
    failures,
    manifest: key,
  };
}

/** Look at a service, and see that there is room for it; nothing is stopped. */
async function planService(
  { name, kind }: RunPlan['services'][number],
  primary: string,
  report: ProgressReport,
): Promise<Neo4jPlan | QdrantPlan> {
  report.service(name, 'planning');
  if (kind === 'qdrant') {
    const plan = await probe(`Look at ${name}`).planQdrant({ service: name });
    for (const warning of plan.warnings) report.line(warning);
    return plan;
  }
  const plan = await probe(`Look at ${name}`).planNeo4j({ service: name, repository: primary });
  // A dump is at most as large as the store; the logs in it compress well.
  const bytes = Object.values(plan.databases).reduce((sum, size) => sum + size, 0);
  await catalog(`Check that ${primary} has room for ${name}`).checkRepository({ repository: primary, bytes });
  return plan;
}

/** A service that can't even be planned fails alone, like one that can't be captured. */
async function captureAllConsistently(
  plan: RunPlan,
  options: { set: string; primary: string; wait: boolean; report: ProgressReport },
): Promise<PromiseSettledResult<ServiceBackup<Manifest['services'][number]>>[]> {
  const { set, primary, wait, report } = options;
  const plans = await Promise.allSettled(
    plan.services.map((service) => planService(service, primary, report)),
  );
  const ready = plans.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const captured =
    ready.length === 0
      ? []
      : await captureConsistently(ready, { set, repository: primary, wait, quiesce: plan.quiesce, report });
  return plans.map((one) => (one.status === 'rejected' ? one : (captured.shift() ?? one))) as typeof captured;
}

/** Seconds between the earliest and the latest capture. */
function skewOf(artifacts: Artifact[]): number | null {
  const times = artifacts.map(({ capturedAt }) => Date.parse(capturedAt));
  return times.length < 2 ? null : (Math.max(...times) - Math.min(...times)) / 1000;
}

/** How long a backup waits for its copies; after that they go on by themselves, and are `pending` in the result. */
const PATIENCE = '1 hour';

/** Copy the set to the other repositories, each in a run of its own that outlives this one. */
async function replicateTo(
  targets: string[],
  { set, from, report }: { set: string; from: string; report: ProgressReport },
): Promise<Record<string, 'ok' | 'pending' | 'failed'>> {
  const states: Record<string, 'ok' | 'pending' | 'failed'> = Object.fromEntries(
    targets.map((to) => [to, 'pending' as const]),
  );
  if (targets.length === 0) return states;
  report.phase('replicating');
  const copying = targets.map(async (to) => {
    const child = await startChild(replicate, {
      workflowId: `replicate/${set}/${to}`,
      args: [{ set, from, to: [to] }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Copy set ${set} to ${to}`,
    });
    try {
      await child.result();
      states[to] = 'ok';
      report.line(`The copy in ${to} is complete.`);
    } catch (error) {
      if (isCancellation(error)) throw error;
      states[to] = 'failed';
      report.line(`The copy in ${to} failed: ${causeOf(error).message}`);
    }
  });
  await Promise.race([Promise.all(copying), sleep(PATIENCE)]);
  return states;
}
