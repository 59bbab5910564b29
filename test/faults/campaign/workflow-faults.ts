import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { criticalSectionId } from '../../../src/model/names.ts';
import type { Inject } from './injection.ts';
import { GRAPH, VECTORS } from './operations.ts';
import { patiently } from './patience.ts';
import { TASK_QUEUE } from './scene.ts';

const REASON = 'the fault campaign';

/** Whether it was still running; what is over can't be ended. */
const ended = (call: () => Promise<unknown>): Promise<boolean> =>
  patiently(async () => {
    try {
      await call();
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  });

export const cancel: Inject = async ({ aimed }) => await ended(() => aimed.handle.cancel());
export const terminate: Inject = async ({ aimed }) => await ended(() => aimed.handle.terminate(REASON));

/** Whichever critical section is open now. */
export const terminateSection: Inject = async ({ scene }) => {
  for (const service of [GRAPH, VECTORS]) {
    const section = scene.client.workflow.getHandle(criticalSectionId(service, TASK_QUEUE));
    if (await ended(() => section.terminate(REASON))) return true;
  }
  return false;
};

/** The number of a workflow task's end in a history: where a run can go back to. */
const WORKFLOW_TASK_COMPLETED = 7;

export const reset: Inject = async ({ scene, aimed, chance }) => {
  // The first task may still be under way.
  for (let tries = 0; tries < 50; tries += 1) {
    const { events } = await patiently(() => aimed.handle.fetchHistory());
    const points = (events ?? []).filter(({ eventType }) => Number(eventType) === WORKFLOW_TASK_COMPLETED);
    if (points.length === 0) {
      await sleep(100);
      continue;
    }
    const { workflowId } = aimed.handle;
    const { runId } = await aimed.handle.describe();
    await scene.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
      reason: REASON,
      requestId: randomUUID(),
      workflowTaskFinishEventId: chance.pick(points).eventId ?? null,
    });
    return true;
  }
  return false;
};
