import {
  ApplicationFailure,
  activityInfo,
  CancelledFailure,
  cancellationSignal,
  heartbeat,
} from '@temporalio/activity';
import { LifeboatError, messageOf } from '../model/failures.ts';
import type { StepHeartbeat } from '../model/progress.ts';

/** What the body of a long activity works with. */
export interface Step {
  /** Aborted on cancel and on the worker's shutdown; hand it on to everything that waits. */
  signal: AbortSignal;
  /** Say how far it is. What is said is sent again every two seconds, whole, so that no heartbeat erases the checkpoint. */
  beat(progress: Partial<StepHeartbeat>): void;
  /** What the last attempt had told when it ended; empty on the first. */
  checkpoint: Record<string, unknown>;
  /** Whether a later attempt will join what this one started: true unless the operation itself was cancelled. */
  keep(): boolean;
  runId: string;
  workflowId: string;
  taskQueue: string;
}

const BEAT_MS = 2000;

/**
 * Run the body of an activity: with heartbeats, with cancellation told as such whatever error it surfaced as,
 * and with Lifeboat's errors as failures of the same type.
 */
export async function step<T>(name: string, body: (step: Step) => Promise<T>): Promise<T> {
  const signal = cancellationSignal();
  const info = activityInfo();
  const previous = info.heartbeatDetails as StepHeartbeat | undefined;
  let progress: StepHeartbeat = {
    step: name,
    ...(previous?.checkpoint ? { checkpoint: previous.checkpoint } : {}),
  };
  const beats = info.heartbeatTimeoutMs !== undefined && info.heartbeatTimeoutMs > 0;
  const send = () => {
    if (beats) heartbeat(progress);
  };
  send();
  const ticker = setInterval(send, BEAT_MS);
  try {
    return await body({
      signal,
      beat(next) {
        progress = { ...progress, ...next };
      },
      checkpoint: previous?.checkpoint ?? {},
      keep: () => signal.reason instanceof CancelledFailure && signal.reason.message !== 'CANCELLED',
      runId: info.workflowExecution?.runId ?? info.activityId,
      workflowId: info.workflowExecution?.workflowId ?? info.activityId,
      taskQueue: info.taskQueue,
    });
  } catch (error) {
    if (signal.aborted) {
      send();
      throw signal.reason;
    }
    throw asFailure(error);
  } finally {
    clearInterval(ticker);
  }
}

/** Turn Lifeboat's errors into application failures of the same type; others stay what they are, and are tried again. */
export function asFailure(error: unknown): unknown {
  if (!(error instanceof LifeboatError)) return error;
  return ApplicationFailure.create({
    type: error.type,
    message: messageOf(error),
    nonRetryable: !error.retryable,
    ...(error.details ? { details: [error.details] } : {}),
  });
}
