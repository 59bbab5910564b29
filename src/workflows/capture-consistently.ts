import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  type ChildWorkflowHandle,
  condition,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { QdrantPlan } from '../activities/qdrant.ts';
import type { Manifest } from '../model/manifest.ts';
import { applicationPauseId, criticalSectionId } from '../model/names.ts';
import { applicationPause, applicationPaused, resumeApplication } from './application-pause.ts';
import { backupNeo4j, type ServiceBackup } from './backup-neo4j.ts';
import { storeAll, takeAll } from './backup-qdrant.ts';
import { releaseWindow, windowOpened } from './critical-section.ts';
import { causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';

export interface ConsistentCapture {
  set: string;
  repository: string;
  wait: boolean;
  /** Pause the application's containers first. */
  quiesce: boolean;
  report: ProgressReport;
}

type Outcome = PromiseSettledResult<ServiceBackup<Manifest['services'][number]>>;

/**
 * Capture all services while nobody can write: the application is paused, every Neo4j is in its window, and only then the snapshots
 * of Qdrant are taken; the windows close when both are done. Storing comes after that.
 */
export async function captureConsistently(
  plans: (Neo4jPlan | QdrantPlan)[],
  options: ConsistentCapture,
): Promise<Outcome[]> {
  const { report } = options;
  const opened = new Set<string>();
  const over = new Set<string>();
  setHandler(windowOpened, (service) => {
    opened.add(service);
  });
  const graphs = plans.filter((plan) => plan.kind === 'neo4j');
  const pause = options.quiesce ? await pauseApplication(report) : undefined;

  // A graph that was stopped before opens no window, and one that fails is over: neither is waited for.
  const allOpen = async () =>
    await condition(() => graphs.every(({ service }) => opened.has(service) || over.has(service)));
  const snapshotsTaken = plans.map(async (plan) => {
    if (plan.kind === 'neo4j') return [];
    await allOpen();
    return await takeAll(plan, report);
  });
  const released = Promise.allSettled(snapshotsTaken).then(async () => {
    await allOpen();
    for (const service of opened) await release(service);
  });
  const outcomes = plans.map(async (plan, index): Promise<ServiceBackup<Manifest['services'][number]>> => {
    if (plan.kind === 'qdrant') return await storeAll(plan, (await snapshotsTaken[index]) ?? [], options);
    const isOver = () => {
      over.add(plan.service);
    };
    try {
      return await backupNeo4j(plan, { ...options, hold: true, onCaptured: isOver });
    } finally {
      isOver();
    }
  });
  const captured = Promise.allSettled([released, ...snapshotsTaken]).then(async () => {
    // Also a cancelled run keeps the application waiting until its graphs serve.
    await CancellationScope.nonCancellable(
      async () => await condition(() => graphs.every(({ service }) => over.has(service))),
    );
    return pause === undefined || (await pause.resume());
  });
  // What a cancel interrupts still cleans up after itself, so everything is waited for.
  const [results, [end]] = await Promise.all([Promise.allSettled(outcomes), Promise.allSettled([captured])]);
  if (end?.status === 'rejected') throw end.reason;
  if (end?.value) return results;
  report.line('The application went on before everything was captured, so the set is not consistent.');
  return results.map((one) =>
    one.status === 'fulfilled' ? { ...one, value: { ...one.value, late: true } } : one,
  );
}

async function release(service: string): Promise<void> {
  const id = criticalSectionId(service, workflowInfo().taskQueue);
  await getExternalWorkflowHandle(id)
    .signal(releaseWindow)
    // It is over already: there is nothing to hold.
    .catch(() => {});
}

/** `resume` answers whether it was paused until then. */
async function pauseApplication(report: ProgressReport): Promise<{ resume(): Promise<boolean> }> {
  let paused: string[] | undefined;
  setHandler(applicationPaused, (containers) => {
    paused = containers;
  });
  let child: ChildWorkflowHandle<typeof applicationPause>;
  try {
    child = await startChild(applicationPause, {
      workflowId: applicationPauseId(workflowInfo().taskQueue),
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: 'The application is paused while a consistent set is captured',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw fail('ServiceBusy', 'The application is paused by another run of Lifeboat: wait for it.');
  }
  let failure: unknown;
  const ended = child.result().then(
    ({ held }) => held,
    (error: unknown) => {
      failure = error;
      return false;
    },
  );
  await condition(() => paused !== undefined || failure !== undefined);
  if (failure !== undefined)
    throw fail('BackupFailed', `The application could not be paused: ${causeOf(failure).message}`);
  report.line(`Paused for the captures: ${paused?.join(', ') || 'nothing that runs'}.`);
  return {
    resume: async () =>
      await CancellationScope.nonCancellable(async () => {
        await child.signal(resumeApplication).catch(() => {});
        return await ended;
      }),
  };
}
