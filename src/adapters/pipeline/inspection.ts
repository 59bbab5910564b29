import { PassThrough, type Readable } from 'node:stream';

/** Looks at everything that passes, for example by walking an archive, at its own pace. */
export interface Inspection<T> {
  (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  result(): Promise<T>;
}

/** So much waits at most for the inspection (bytes). */
const WAITING_BYTES = 4 * 1024 * 1024;

/**
 * A stage that shows all bytes to `inspect` as well. The slower of the two sets the pace, so nothing piles up in memory, and both work
 * at the same time. When the inspection fails, so does the pipeline, before its last byte: what failed it is never stored. An
 * inspection that has seen enough may stop reading.
 */
export function inspection<T>(inspect: (stream: Readable) => Promise<T>): Inspection<T> {
  const copy = new PassThrough({ highWaterMark: WAITING_BYTES });
  // Its reader hears of it by `inspect`; without a listener an early end would be an uncaught exception.
  copy.on('error', () => {});
  let failure: unknown;
  let hear = (): void => {};
  copy.on('drain', () => hear());
  copy.on('close', () => hear());
  const outcome = inspect(copy);
  // Nobody reads it any more: what still comes passes by.
  outcome.then(
    () => copy.destroy(),
    (error: unknown) => {
      failure = error ?? new Error('The inspection failed.');
      copy.destroy();
    },
  );
  async function* stage(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of chunks) {
        // The chunk before is on its way to the repository while it is inspected.
        if (copy.writableNeedDrain && !copy.destroyed) {
          await new Promise<void>((resolve) => {
            hear = resolve;
          });
        }
        if (failure !== undefined) throw failure;
        if (!copy.destroyed) copy.write(chunk);
        yield chunk;
      }
      if (!copy.destroyed) copy.end();
      await outcome;
    } finally {
      copy.destroy();
      // When the source broke, that is the error to tell; the inspection's own follows from it.
      await outcome.catch(() => {});
    }
  }
  return Object.assign(stage, { result: () => outcome });
}
