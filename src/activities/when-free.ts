import pLimit from 'p-limit';

/**
 * So many steps of a kind at a time; the others wait their turn, and leave at once when they are cancelled before it comes.
 * @param full how many may wait, and what the others fail with at once. Default: all wait.
 */
export function whenFree(most: number, full?: { waiting: number; failure: () => Error }) {
  const limit = pLimit(most);
  return async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    if (full && limit.activeCount + limit.pendingCount >= most + full.waiting) throw full.failure();
    let begun = false;
    const turn = limit(async () => {
      signal.throwIfAborted();
      begun = true;
      return await work();
    });
    return await new Promise<T>((resolve, reject) => {
      const leave = () => {
        if (!begun) reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  };
}
