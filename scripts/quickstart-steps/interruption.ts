/** Ctrl-C and its like: the first asks for an orderly end, the second ends at once and leaves the rest to the next start. */
export interface Interruption {
  readonly happened: boolean;
  /** Rejects when it happens. */
  readonly promise: Promise<never>;
}

/** What `promise` rejects with. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export function awaitInterruption(): Interruption {
  const { promise, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting when it happens.
  promise.catch(() => undefined);
  // A signal that may come keeps no process alive.
  setInterval(() => undefined, 60_000);
  const interruption = { happened: false, promise };
  const interrupt = (): void => {
    if (interruption.happened) process.exit(130);
    interruption.happened = true;
    process.stdout.write(
      '\nInterrupted: cleaning up. Once more ends at once; the next start then cleans up.\n',
    );
    reject(new Interrupted('Interrupted.'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // A reader that went away.
  process.stdout.on('error', () => interruption.happened || interrupt());
  return interruption;
}
