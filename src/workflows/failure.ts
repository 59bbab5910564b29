import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { FAILURES, type FailureType, LifeboatError } from '../model/failures.ts';
import { printable } from '../model/printable.ts';

/** A failure to throw from workflow code: with a type from the one list. */
export function fail(
  type: FailureType,
  message: string,
  details?: Record<string, unknown>,
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message: printable(message),
    nonRetryable: true,
    ...(details ? { details: [details] } : {}),
  });
}

/** Run pure code of the model; its errors become failures. */
export function orFail<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof LifeboatError) throw fail(error.type, error.message, error.details);
    throw error;
  }
}

/** What a failure was at its root. */
export interface Cause {
  type: FailureType | 'Cancelled' | 'Terminated' | 'Timeout' | 'Unknown';
  message: string;
}

/** Look through the layers that Temporal puts around a failure. */
export function causeOf(error: unknown): Cause {
  if (isCancellation(error)) return { type: 'Cancelled', message: 'It was cancelled.' };
  let at: unknown = error;
  let last: Cause = { type: 'Unknown', message: String(error) };
  while (at instanceof Error) {
    if (at instanceof ApplicationFailure) {
      const type = at.type && at.type in FAILURES ? (at.type as FailureType) : 'Unknown';
      return { type, message: at.message };
    }
    if (at.name === 'TerminatedFailure') last = { type: 'Terminated', message: at.message };
    else if (at.name === 'TimeoutFailure') last = { type: 'Timeout', message: at.message };
    else if (last.type === 'Unknown') last = { type: 'Unknown', message: at.message };
    at = at.cause;
  }
  return last;
}
