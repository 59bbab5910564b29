import { setTimeout as sleep } from 'node:timers/promises';

/** Try again while a server is away; after `withinMs` milliseconds the last error is thrown. */
export async function patiently<T>(call: () => Promise<T>, withinMs = 60_000): Promise<T> {
  const until = Date.now() + withinMs;
  while (true) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(250);
    }
  }
}

/** Ask again until nothing is wrong any more; answers what still is after `withinMs` milliseconds. */
export async function untilNone(problems: () => Promise<string[]>, withinMs: number): Promise<string[]> {
  const until = Date.now() + withinMs;
  while (true) {
    const found = await problems().catch((error: Error) => [error.message]);
    if (found.length === 0 || Date.now() > until) return found;
    await sleep(300);
  }
}

const last = new Map<string, Promise<unknown>>();

/** One after the other: two faults of one server would otherwise start it twice. `key` names it and its scene. */
export async function inTurn<T>(key: string, call: () => Promise<T>): Promise<T> {
  const turn = (last.get(key) ?? Promise.resolve()).then(call);
  last.set(
    key,
    turn.catch(() => {}),
  );
  return await turn;
}
