import { CancellationScope } from '@temporalio/workflow';

/** Do all of it side by side. When one fails, the others are ended before that is told: what comes next may use the same place. */
export async function allOrNone<T extends unknown[]>(
  work: {
    [K in keyof T]: () => Promise<T[K]>;
  },
): Promise<T> {
  const scope = new CancellationScope();
  return await scope.run(async () => {
    const all = work.map(async (one) => await one());
    try {
      return (await Promise.all(all)) as T;
    } catch (error) {
      scope.cancel();
      await Promise.allSettled(all);
      throw error;
    }
  });
}
