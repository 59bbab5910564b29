import { randomUUID } from 'node:crypto';
import { select } from '@inquirer/prompts';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { isServed } from '../model/fleet.ts';
import type { Context } from './command.ts';
import { EXIT, type ExitCode, failureOf } from './exit-code.ts';
import { followRun } from './follow-run.ts';
import { progressView } from './progress-view.ts';
import type { Connected } from './session.ts';

export interface RunOptions {
  /** Print the id and come back at once. */
  detach?: boolean;
}

/** `backup/2026-11-23T10-15-00Z-1a2b`: readable, sorted by time, and two starts in one second differ. */
export function runId(workflow: string, now: Date = new Date()): string {
  const time = now.toISOString().slice(0, 19).replaceAll(':', '-');
  return `${workflow}/${time}Z-${randomUUID().slice(0, 4)}`;
}

/** The input without what was left out. */
export const given = (input: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

/**
 * Start a workflow by its name with one JSON object, as `temporal workflow start` would, and follow it to its end.
 * @param text what is printed of its result.
 * @param codeOf the exit code of its result. Default: ok.
 */
export async function startRun<Result>(
  context: Context,
  workflow: string,
  input: Record<string, unknown>,
  options: RunOptions,
  text: (result: Result) => string,
  codeOf: (result: Result) => ExitCode = () => EXIT.ok,
): Promise<ExitCode> {
  const { session, terminal } = context;
  const connected = await session.temporal();
  const { client, taskQueue } = connected;
  if (!(await hasWorker(connected))) {
    terminal.note(
      `No worker serves the task queue "${taskQueue}": the run waits until one does. Start one with: lifeboat worker`,
    );
  }
  const workflowId = runId(workflow);
  const handle = await unreachable(connected, () =>
    client.workflow.start(workflow, {
      workflowId,
      taskQueue,
      args: [given(input)],
      staticSummary: `${workflow} by the lifeboat command`,
    }),
  );
  if (options.detach) {
    terminal.result({ workflowId, runId: handle.firstExecutionRunId }, () => workflowId);
    return EXIT.ok;
  }
  terminal.note(`${workflow} runs as ${workflowId}`);
  return await watchRun(context, connected, handle, text, codeOf);
}

/** Follow a run that was started by whomever, and print its result. */
export async function watchRun<Result>(
  { terminal, config: file }: Context,
  connected: Connected,
  handle: WorkflowHandle,
  text: (result: Result) => string,
  codeOf: (result: Result) => ExitCode = () => EXIT.ok,
): Promise<ExitCode> {
  const over = new AbortController();
  const detached = Promise.withResolvers<ExitCode>();
  const view = progressView(terminal);
  let asking = false;
  const follow = followRun(connected, handle, (seen) => void (asking || view.show(seen)), over.signal);

  const interrupt = async (): Promise<void> => {
    if (asking) return detached.resolve(EXIT.detached);
    asking = true;
    view.stop();
    const choice = terminal.interactive ? await askWhatNow(handle.workflowId) : 'detach';
    if (choice === 'cancel') {
      await handle.cancel().catch((error: unknown) => terminal.note(messageOf(error)));
      terminal.note('Cancelling: what was stopped is started again first.');
    }
    if (choice === 'detach') {
      const named = file === undefined ? '' : ` --config ${file}`;
      terminal.note(`The run goes on. See it again with: lifeboat${named} watch ${handle.workflowId}`);
      return detached.resolve(EXIT.detached);
    }
    asking = false;
  };
  const onSignal = (): void => void interrupt();
  process.on('SIGINT', onSignal);
  try {
    const ended = connected.connection
      .withAbortSignal(over.signal, () => handle.result())
      .then(
        (value) => ({ value: value as Result }),
        (error: unknown) => ({ error }),
      );
    const outcome = await Promise.race([ended, detached.promise]);
    over.abort();
    if (typeof outcome === 'number') return outcome;
    await follow;
    view.stop();
    if ('error' in outcome) {
      if (!(outcome.error instanceof WorkflowFailedError)) {
        await unreachable(connected, () => Promise.reject(outcome.error));
      }
      throw outcome.error;
    }
    const { value } = outcome;
    terminal.result({ workflowId: handle.workflowId, ...(value as object) }, () => text(value));
    return codeOf(value);
  } finally {
    over.abort();
    view.stop();
    process.off('SIGINT', onSignal);
  }
}

type Choice = 'cancel' | 'detach' | 'stay';

/** A second Ctrl-C at the question detaches: it destroys nothing. */
async function askWhatNow(workflowId: string): Promise<Choice> {
  try {
    return await select<Choice>(
      {
        message: `${workflowId} is still running. What now?`,
        choices: [
          { value: 'stay', name: 'Keep watching' },
          { value: 'detach', name: 'Leave it running and come back to the shell' },
          { value: 'cancel', name: 'Cancel the run (what was stopped is started again)' },
        ],
      },
      { output: process.stderr },
    );
  } catch {
    return 'detach';
  }
}

/**
 * Whether any worker polled the task queue lately: the server lists dead ones for minutes. By the clock of this machine, which `doctor` compares with the
 * server's.
 */
export async function hasWorker({ connection, namespace, taskQueue }: Connected): Promise<boolean> {
  try {
    const { pollers } = await connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: 1,
    });
    const seen = (pollers ?? []).map(({ lastAccessTime: at }) => ({
      at: at?.seconds ? Number(at.seconds) * 1000 : null,
    }));
    return isServed(seen, Date.now());
  } catch {
    // Without the permission to ask, nothing is said.
    return true;
  }
}

/** What the client throws when the server refuses or is gone → a sentence with the server's name. */
export async function unreachable<T>({ address }: Connected, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (failureOf(cause).type !== 'Unknown') throw cause;
    throw new LifeboatError(
      'HostUnreachable',
      `The Temporal server at ${address} did not take the request: ${failureOf(cause).message}. A run that was started goes on.`,
      { cause },
    );
  }
}
