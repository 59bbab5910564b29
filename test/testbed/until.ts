import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Ask again until it is so.
 * @param what is waited for, as the error says it: asked for when it never came, if it is a function
 * @param withinMs five minutes without it, for slow machines: what never comes must end the test, and not the whole run
 */
export async function until(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  { everyMs = 50, withinMs = 300_000 } = {},
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) {
      const said = typeof what === 'string' ? what : what();
      throw new Error(`It did not come in ${withinMs / 1000} s: ${said}.`);
    }
    await sleep(everyMs);
  }
}

/** The outcome of what is under way, while somebody looks at it every `everyMs` milliseconds. */
export async function watched<T>(
  underWay: Promise<T>,
  look: () => Promise<void>,
  { everyMs = 50 } = {},
): Promise<T> {
  let over = false;
  const watching = (async () => {
    while (!over) {
      await look();
      await sleep(everyMs);
    }
  })();
  try {
    return await underWay;
  } finally {
    over = true;
    await watching;
  }
}
