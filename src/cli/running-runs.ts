import { WorkflowNotFoundError } from '@temporalio/client';
import { LifeboatError, messageOf } from '../model/failures.ts';
import type { Connected } from './session.ts';
import { unreachable } from './start-run.ts';

/** A run that is under way. */
export interface RunningRun {
  workflowId: string;
  type: string;
  startedAt: string;
  /** The id of the run that started it, which may be over by now. */
  parent?: string;
}

/**
 * Runs that a person would want to watch, newest first: the watchdog is not among them, nor are parts of other runs that are under way. What goes on
 * when its parent is over (a copy, a window) stands for itself.
 * @throws {LifeboatError} `HostUnreachable`.
 */
export async function runningRuns({ client, taskQueue }: Connected): Promise<RunningRun[]> {
  const found: RunningRun[] = [];
  const query = `TaskQueue = '${taskQueue.replaceAll("'", "''")}' AND ExecutionStatus = 'Running'`;
  try {
    for await (const { workflowId, type, startTime, parentExecution } of client.workflow.list({ query })) {
      const parent = parentExecution?.workflowId;
      found.push({
        workflowId,
        type,
        startedAt: startTime.toISOString(),
        ...(parent ? { parent } : {}),
      });
    }
  } catch (cause) {
    throw new LifeboatError('HostUnreachable', `The Temporal server can not list runs: ${messageOf(cause)}`, {
      cause,
    });
  }
  return worthWatching(found);
}

/** Those that a person has nothing to do with: they come and go by themselves, or only tell of a run that is over. */
const IN_THE_BACKGROUND: ReadonlySet<string> = new Set(['watchdog', 'notification']);

/** Those of all running runs that a person would watch, and that are no part of another one, newest first. Pure. */
export function worthWatching(running: RunningRun[]): RunningRun[] {
  // What a watchdog has started is not told by the watchdog, which is not shown.
  const shown = running.filter(({ type }) => !IN_THE_BACKGROUND.has(type));
  const ids = new Set(shown.map(({ workflowId }) => workflowId));
  return shown
    .filter(({ parent }) => parent === undefined || !ids.has(parent))
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

/** The run that `watch` follows when none is named: the newest that nobody else has started, else the newest. */
export const firstToWatch = (running: RunningRun[]): RunningRun | undefined =>
  running.find(({ parent }) => parent === undefined) ?? running.at(0);

/**
 * The workflow's type of a run, also of one that is over.
 * @throws {LifeboatError} `InvalidInput` where there is no such run, `HostUnreachable`.
 */
export async function typeOfRun(connected: Connected, workflowId: string): Promise<string> {
  return await unreachable(connected, async () => {
    try {
      return (await connected.client.workflow.getHandle(workflowId).describe()).type;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new LifeboatError(
        'InvalidInput',
        `There is no run "${workflowId}" in the namespace "${connected.namespace}" at ${connected.address}: give the id of a run, as \`lifeboat status\` and the Temporal UI name it.`,
      );
    }
  });
}
