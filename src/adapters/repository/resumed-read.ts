import { Readable } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';

/** How often in a row a download goes on from where it broke without a byte in between. */
const ATTEMPTS = 5;

/**
 * A download that goes on where it broke.
 * @param open opens the object from this byte on; its error is final
 * @param failure turns the error of a broken connection into what is thrown when it lasts
 */
export function resumedRead(
  first: Readable,
  start: number,
  bytes: number,
  open: (from: number) => Promise<Readable>,
  failure: (error: unknown) => unknown,
  signal: AbortSignal | undefined,
): Readable {
  async function* read(): AsyncGenerator<Buffer> {
    let stream = first;
    let received = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        for await (const chunk of stream) {
          received += (chunk as Buffer).length;
          attempt = 1;
          yield chunk as Buffer;
        }
        if (received >= bytes) return;
        throw new Error(`ended after ${received} of ${bytes} bytes`);
      } catch (error) {
        stream.destroy();
        signal?.throwIfAborted();
        const cause = failure(error);
        const again = cause instanceof LifeboatError && cause.retryable && attempt < ATTEMPTS;
        if (!again) throw cause;
        stream = await open(start + received);
      }
    }
  }
  const stream = Readable.from(read(), { objectMode: false, ...(signal ? { signal } : {}) });
  // Destroyed before its first read, the generator never runs and would leave the connection open.
  stream.once('close', () => first.destroy());
  return stream;
}
