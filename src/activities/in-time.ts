/**
 * Wait for an answer that may never come: at most for `limitMs` milliseconds, and not after `signal` is aborted. What was asked is not ended by that;
 * whoever asked then takes its connection away.
 * @throws what it failed with, the signal's reason, or what `late` answers.
 */
export async function inTime<T>(
  answer: Promise<T>,
  { signal, limitMs }: { signal: AbortSignal; limitMs: number },
  late: () => Error,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const settle = (end: () => void) => () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      end();
    };
    const leave = settle(() => reject(signal.reason));
    const timer = setTimeout(
      settle(() => reject(late())),
      limitMs,
    );
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    answer.then(
      (value) => settle(() => resolve(value))(),
      (error: unknown) => settle(() => reject(error))(),
    );
  });
}
