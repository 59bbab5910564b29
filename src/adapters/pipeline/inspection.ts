import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';

/** Looks at everything that passes, for example by walking an archive, at its own pace. */
export interface Inspection<T> {
  (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  result(): Promise<T>;
}

/**
 * A stage that shows all bytes to `inspect` as well. The slower of the two sets the pace, so nothing piles up in memory. When the
 * inspection fails, so does the pipeline, before its last byte: what failed it is never stored. An inspection that has
 * seen enough may stop reading.
 */
export function inspection<T>(inspect: (stream: Readable) => Promise<T>): Inspection<T> {
  const copy = new PassThrough({ highWaterMark: 1024 * 1024 });
  // Its reader hears of it by `inspect`; without a listener an early end would be an uncaught exception.
  copy.on('error', () => {});
  let failure: unknown;
  const outcome = inspect(copy);
  outcome.catch((error: unknown) => {
    failure = error ?? new Error('The inspection failed.');
    copy.destroy();
  });
  async function* stage(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of chunks) {
        if (failure !== undefined) throw failure;
        if (!copy.destroyed && !copy.write(chunk)) {
          await Promise.race([once(copy, 'drain').catch(() => {}), closed(copy), settled(outcome)]);
        }
        yield chunk;
      }
      copy.end();
      await outcome;
    } finally {
      copy.destroy();
      // When the source broke, that is the error to tell; the inspection's own follows from it.
      await outcome.catch(() => {});
    }
  }
  return Object.assign(stage, { result: () => outcome });
}

const closed = (stream: PassThrough): Promise<void> =>
  new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.once('close', resolve);
  });

const settled = (promise: Promise<unknown>): Promise<void> =>
  promise.then(
    () => {},
    () => {},
  );
