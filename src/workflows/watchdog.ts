import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  isCancellation,
  log,
  ParentClosePolicy,
  sleep,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Reclaimed } from '../activities/reclaim.ts';
import { parseInput, watchdogInput } from '../model/inputs.ts';
import { criticalSectionId } from '../model/names.ts';
import { catalog, compensate, notifying, probe } from './activity-options.ts';
import { causeOf, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { notification } from './tell.ts';

/** What a look of the watchdog came to. */
export interface WatchdogResult {
  /** By container: what was done about it. */
  reclaimed: Record<string, Reclaimed | 'still tried' | 'in use by another run' | `failed: ${string}`>;
  removed: string[];
}

/** How long a look waits for one container to serve again before it goes on. */
const PATIENCE = '2 minutes';

/** Start what Lifeboat stopped and nobody owns any more, and remove what dead runs left. */
export async function watchdog(input?: unknown): Promise<WatchdogResult> {
  orFail(() => parseInput('watchdog', watchdogInput, input));
  const report = new ProgressReport();
  report.phase('looking');
  const result: WatchdogResult = { reclaimed: {}, removed: [] };
  for (const { volume, service, container, action } of await probe(
    'Look for what dead runs stopped',
  ).findAbandoned()) {
    try {
      const child = await startChild(reclaim, {
        workflowId: criticalSectionId(service, workflowInfo().taskQueue),
        args: [{ volume, container }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Reclaim ${container} after a dead ${action}`,
      });
      // One that does not come up is tried without end, and must not keep the others down.
      const outcome = await Promise.race([
        child.result(),
        sleep(PATIENCE).then(() => 'still tried' as const),
      ]);
      result.reclaimed[container] = outcome;
      report.line(`${container}: ${outcome}.`);
    } catch (error) {
      const busy = error instanceof WorkflowExecutionAlreadyStartedError;
      result.reclaimed[container] = busy ? 'in use by another run' : `failed: ${causeOf(error).message}`;
      report.line(`${container}: ${result.reclaimed[container]}`);
    }
  }
  result.removed = await catalog('Remove what dead runs left', { attempts: 2 })
    .sweep()
    .catch((error: unknown) => {
      report.line(causeOf(error).message);
      return [];
    });
  report.phase((await tellOfStale()) ? 'done' : 'blind');
  return result;
}

/** Under the id of the service's critical section, so that it never meets a window that is open. */
export async function reclaim(input: { volume: string; container: string }): Promise<Reclaimed> {
  return await compensate(`Give ${input.container} back`).reclaim({ volume: input.volume });
}

/** Services without a good set for too long. What can't be told now is told by the next look; answers whether it could be. */
async function tellOfStale(): Promise<boolean> {
  try {
    // By when the looks began, so that two of them leave no gap and do not overlap.
    const { runId, startTime } = workflowInfo();
    const events = await notifying('See which services are stale', { attempts: 2 }).staleServices({
      runId,
      at: startTime.getTime(),
    });
    if (events.length === 0) return true;
    await startChild(notification, {
      workflowId: `notification/stale/${uuid4()}`,
      args: [{ events }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn(`Whether services are stale is not known: ${causeOf(error).message}`);
    return false;
  }
}
