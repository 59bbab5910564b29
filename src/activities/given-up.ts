import type { Step } from './step.ts';

/** How long the answer to something that can't be taken back is waited for after a cancel (milliseconds). */
const LAST_WAIT_MS = 30 * 60 * 1000;

/**
 * The server goes on with a snapshot that its client has given up, and then nobody knows its name. So after a cancel the answer is
 * waited for, for half an hour, and what came of it deleted; only where a later attempt will look for it is it left.
 */
export function givenUp({ signal }: Step): AbortSignal {
  const controller = new AbortController();
  const onAbort = () => {
    const why = signal.reason instanceof Error ? signal.reason.message : '';
    if (why === 'WORKER_SHUTDOWN' || why === 'TIMED_OUT') controller.abort(signal.reason);
    else setTimeout(() => controller.abort(signal.reason), LAST_WAIT_MS).unref();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return controller.signal;
}
