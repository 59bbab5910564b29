import { setTimeout } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import pLimit from 'p-limit';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { type HostBackup, type HostOutcome, isServed, outcomeOfBackup, type Seen } from '../model/fleet.ts';
import { hostQueue } from '../model/names.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** Hosts by name, and how many work at a time. */
export interface FleetPlan {
  hosts: string[];
  concurrency: number;
}

/** A backup of a host that an earlier run of the workflow has started. */
export interface OpenBackup {
  host: string;
  workflowId: string;
}

/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API: workers poll it whatever their activities do. */
const WORKFLOW_TASKS = 1;
/** Requests to the server at the same time. */
const AT_ONCE = 10;
/** Between two looks at the same hosts (milliseconds). */
const LOOK_EVERY = 20_000;

/** What the worker that looks after a fleet does: it asks Temporal, and never the hosts themselves. */
export function createFleetActivities(deps: Dependencies) {
  return {
    /** Which hosts, and how many at a time: as asked for, else as configured. */
    async planFleet(input: {
      hosts?: string[] | undefined;
      concurrency?: number | undefined;
    }): Promise<FleetPlan> {
      return await step('plan', async () => {
        const { fleet } = deps.config();
        const hosts = input.hosts ?? fleet?.hosts ?? [];
        if (hosts.length === 0) {
          throw new LifeboatError(
            'InvalidConfiguration',
            `The worker of "${deps.config().temporal.taskQueue}" has no fleet: name hosts under "fleet.hosts" in its lifeboat.yaml, or in the input ("hosts").`,
          );
        }
        return { hosts: [...new Set(hosts)], concurrency: input.concurrency ?? fleet?.concurrency ?? 10 };
      });
    },

    /**
     * The hosts whose task queues nobody was seen polling lately. That no poller is listed is a doubt and no proof: large servers keep
     * the list in several parts.
     * @param input with `wait`: look again and again until there is such a host.
     */
    async unseenHosts(input: { hosts: string[]; wait: boolean }): Promise<string[]> {
      return await step('look', async ({ signal }) => {
        const limit = pLimit(AT_ONCE);
        // By the server's clock: this one's may be off.
        const { currentAttemptScheduledTimestampMs } = activityInfo();
        const ahead = Date.now() - currentAttemptScheduledTimestampMs;
        while (true) {
          const served = await limit.map(input.hosts, async (host) => {
            signal.throwIfAborted();
            return isServed(await pollersOf(hostQueue(host)), Date.now() - ahead);
          });
          const unseen = input.hosts.filter((_, at) => !served[at]);
          if (unseen.length > 0 || !input.wait) return unseen;
          await setTimeout(LOOK_EVERY, undefined, { signal });
        }
      });
    },

    /** Wait until one of these runs has ended, and answer those that have. */
    async endedBackups(input: { open: OpenBackup[] }): Promise<(OpenBackup & { outcome: HostOutcome })[]> {
      return await step('follow', async ({ signal }) => {
        const over = new AbortController();
        const either = AbortSignal.any([signal, over.signal]);
        const ended: (OpenBackup & { outcome: HostOutcome })[] = [];
        const following = input.open.map(async (one) => {
          const outcome = await deps.client.connection.withAbortSignal(either, () => outcomeOf(one));
          ended.push({ ...one, outcome });
        });
        const all = Promise.allSettled(following);
        try {
          await Promise.any(following).catch((error: AggregateError) => {
            throw error.errors[0];
          });
          return [...ended];
        } finally {
          over.abort();
          await all;
        }
      });
    },
  };

  async function pollersOf(name: string): Promise<Seen[]> {
    const { namespace } = deps.client.options;
    const { pollers } = await deps.client.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name },
      taskQueueType: WORKFLOW_TASKS,
    });
    return (pollers ?? []).map(({ lastAccessTime: at }) => ({
      at: at?.seconds ? Number(at.seconds) * 1000 : null,
    }));
  }

  async function outcomeOf({ workflowId }: OpenBackup): Promise<HostOutcome> {
    try {
      return outcomeOfBackup((await deps.client.workflow.getHandle(workflowId).result()) as HostBackup);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) {
        return { state: 'failed', type: 'Unknown', message: 'Temporal does not know its run any more.' };
      }
      if (!(error instanceof WorkflowFailedError)) throw error;
      return { state: 'failed', ...failureOf(error) };
    }
  }
}

/** What a failed run failed of, at its root. */
function failureOf(error: Error): { type: string; message: string } {
  let last = { type: 'Unknown', message: messageOf(error) };
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) {
    if (at instanceof CancelledFailure) return { type: 'Cancelled', message: 'It was cancelled.' };
    if (at instanceof ApplicationFailure) return { type: at.type ?? 'Unknown', message: at.message };
    last = { type: at instanceof TerminatedFailure ? 'Terminated' : last.type, message: at.message };
  }
  return last;
}
