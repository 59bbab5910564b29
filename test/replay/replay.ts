import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { RECORDED_QUEUE } from './histories.ts';
import { payloadsOf } from './recording/payloads.ts';
import { historyOfPlain } from './recording/plain-history.ts';
import type { RecordedHistory } from './recording/scrub.ts';

let made: Promise<{ code: string }> | undefined;

/** The workflow code as it is now, made once; not what a file of an earlier build holds. */
export async function presentCode(): Promise<string> {
  made ??= workflowBundle({ file: '' });
  return (await made).code;
}

/**
 * Replay a history with workflow code.
 * @param code default: the code as it is now.
 * @returns why that code would not have done what the history says; undefined when it would.
 */
export async function replayFailure(history: RecordedHistory, code?: string): Promise<string | undefined> {
  return await replayFailures([history], code)
    .next()
    .then(({ value }) => value);
}

/** The same for many, with one worker: an answer for each, in their order. */
export async function* replayFailures(
  histories: RecordedHistory[],
  code?: string,
): AsyncGenerator<string | undefined> {
  quiet();
  const options = {
    workflowBundle: { code: code ?? (await presentCode()) },
    // Part of the ids of locks. Its type leaves it out, because most workflows do not ask for it.
    taskQueue: RECORDED_QUEUE,
  };
  const all = histories.map((one) => ({
    workflowId: one.workflowId,
    history: historyOfPlain(payloadsOf({ events: one.events }) as object),
  }));
  for await (const { error } of Worker.runReplayHistories(options, all)) yield error?.message;
}

/** Workflows log what they do; in a replay nobody wants to read it again. */
function quiet(): void {
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => {}),
      telemetryOptions: { logging: { filter: 'off' } },
    });
  } catch {
    // It was installed before.
  }
}
