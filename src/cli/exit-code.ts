import {
  ApplicationFailure,
  CancelledFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { FAILURES, type FailureType, LifeboatError, messageOf } from '../model/failures.ts';

/** What the command's end tells a script. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** A set was made, and something is missing from it or from a repository. */
  partial: 3,
  /** Somebody else works on the service or repository. */
  busy: 4,
  /** Temporal, Docker, a database or a repository does not answer. */
  unreachable: 5,
  /** Ctrl-C ended the watching; the run goes on. */
  detached: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODES: Partial<Record<FailureType, ExitCode>> = {
  InvalidInput: EXIT.usage,
  InvalidConfiguration: EXIT.usage,
  ConfirmationMismatch: EXIT.usage,
  ServiceBusy: EXIT.busy,
  RepositoryBusy: EXIT.busy,
  EngineUnreachable: EXIT.unreachable,
  DatabaseUnreachable: EXIT.unreachable,
  QdrantUnreachable: EXIT.unreachable,
  RepositoryUnreachable: EXIT.unreachable,
  HostUnreachable: EXIT.unreachable,
};

/** What went wrong, for people, for programs and for the exit code. */
export interface Failure {
  /** One of Lifeboat's types, or `Cancelled`, `Terminated`, `TimedOut`, or `Unknown`. */
  type: string;
  message: string;
  exitCode: ExitCode;
  details?: unknown;
}

const isTold = (details: unknown): boolean =>
  details !== undefined && details !== null && !(Array.isArray(details) && details.length === 0);

/** The failure behind anything that was thrown: the deepest cause with one of Lifeboat's types decides. */
export function failureOf(error: unknown): Failure {
  const chain: unknown[] = [];
  for (let one = error; one instanceof Error && chain.length < 50; one = one.cause) chain.push(one);
  const typed = chain.findLast(
    (one): one is ApplicationFailure | LifeboatError =>
      (one instanceof ApplicationFailure || one instanceof LifeboatError) && (one.type ?? '') in FAILURES,
  );
  if (typed) {
    const type = typed.type as FailureType;
    return {
      type,
      message: typed.message,
      exitCode: CODES[type] ?? EXIT.failed,
      ...(isTold(typed.details) && { details: typed.details }),
    };
  }
  const special = chain.find((one) => one instanceof TemporalFailure && !(one instanceof ApplicationFailure));
  if (special instanceof CancelledFailure) {
    return { type: 'Cancelled', message: 'The run was cancelled.', exitCode: EXIT.failed };
  }
  if (special instanceof TerminatedFailure) {
    return { type: 'Terminated', message: 'The run was terminated.', exitCode: EXIT.failed };
  }
  if (special instanceof TimeoutFailure) {
    return { type: 'TimedOut', message: messageOf(special), exitCode: EXIT.failed };
  }
  const deepest = chain.at(-1);
  return { type: 'Unknown', message: messageOf(deepest ?? error), exitCode: EXIT.failed };
}
