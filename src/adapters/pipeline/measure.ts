import { createHash } from 'node:crypto';
import { HashThread, type ThreadedHash } from './hash-thread.ts';

/** Size in bytes and sha256 in lower-case hexadecimal. */
export interface Measured {
  bytes: number;
  sha256: string;
}

/** Passes chunks on and, once they are all through, knows their size and checksum. */
export interface Meter {
  (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  /** @throws {Error} before the end of the stream */
  result(): Measured;
}

/** Streams up to this size are hashed at their end, where they are; larger ones as they pass, in a thread of their own (bytes). */
const SMALL_BYTES = 8 * 1024 * 1024;

/** A stage of a pipeline that measures what passes. */
export function meter(): Meter {
  let bytes = 0;
  let measured: Measured | undefined;
  async function* stage(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const held: Buffer[] = [];
    let thread: ThreadedHash | undefined;
    try {
      for await (const chunk of chunks) {
        bytes += chunk.byteLength;
        if (!thread && bytes > SMALL_BYTES) {
          thread = HashThread.shared().open();
          for (const one of held.splice(0)) await thread.update(one);
        }
        if (thread) await thread.update(chunk);
        else held.push(chunk);
        yield chunk;
      }
      measured = { bytes, sha256: thread ? await thread.digest() : hashOf(held) };
      thread = undefined;
    } finally {
      thread?.forget();
    }
  }
  const result = (): Measured => {
    if (!measured) throw new Error('Measured before the end of the stream.');
    return measured;
  };
  return Object.assign(stage, { result });
}

function hashOf(chunks: Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}
