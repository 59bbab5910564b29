import { setTimeout } from 'node:timers/promises';
import { removeLabelled, takeDown } from '../../test/testbed/down.ts';
import { connectDocker } from '../../test/testbed/engine.ts';
import type { TestbedState } from '../../test/testbed/state.ts';
import { type Made, removeMade } from './made.ts';
import type { Stage } from './stage.ts';

/** What is to be removed, as far as it has come. */
export interface Remains {
  testbed?: TestbedState;
  made?: Made;
  stage?: Stage;
}

/** How long a step that was interrupted gets to notice that what it works on is gone (milliseconds). */
const STEP_ENDS = 15_000;

/**
 * Remove everything that this run made: processes, containers, volumes, directories, and what lies on servers that were given.
 * @param work the steps; after an interruption one of them may still be at work.
 */
export async function cleanUp(remains: Remains, work: Promise<unknown>): Promise<void> {
  const { testbed, made, stage } = remains;
  if (!testbed) return;
  if (stage) await endRuns(stage).catch(() => undefined);
  await stage?.worker.kill();
  if (testbed.docker) await removeLabelled(connectDocker(testbed.docker.host), testbed.id);
  const ended = work.catch(() => undefined);
  await stage?.connected.connection.close().catch(() => undefined);
  await Promise.race([ended, setTimeout(STEP_ENDS)]);
  if (made) await removeMade(made, testbed);
  await takeDown(testbed);
}

/** A server that was given keeps its runs: none shall wait there for a worker that is gone. */
async function endRuns({ connected, testbed }: Stage): Promise<void> {
  if (!process.env.LIFEBOAT_TEST_TEMPORAL_ADDRESS) return;
  const { workflow } = connected.client;
  const query = `TaskQueue = 'quickstart-${testbed.id}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of workflow.list({ query })) {
    await workflow
      .getHandle(workflowId)
      .terminate('The quickstart is over.')
      .catch(() => undefined);
  }
}
