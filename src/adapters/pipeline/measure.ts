import { createHash } from 'node:crypto';

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

/** A stage of a pipeline that measures what passes. */
export function meter(): Meter {
  let bytes = 0;
  let measured: Measured | undefined;
  async function* stage(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      hash.update(chunk);
      yield chunk;
    }
    measured = { bytes, sha256: hash.digest('hex') };
  }
  const result = (): Measured => {
    if (!measured) throw new Error('Measured before the end of the stream.');
    return measured;
  };
  return Object.assign(stage, { result });
}
