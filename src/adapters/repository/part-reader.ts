/** One part of an upload. */
export interface Part {
  /** From 1. */
  number: number;
  /** Bytes before it. */
  offset: number;
  body: Buffer;
  last: boolean;
}

/**
 * Cuts a stream into parts in buffers that are used again: whoever is done with a part gives it back by `release`, so as many
 * buffers exist as parts are held at the same time, and one that is being filled.
 */
export class PartReader {
  readonly #free: Buffer[] = [];
  readonly #sizeOf: (number: number) => number;

  /** @param sizeOf the size of part n; only the last one is smaller */
  constructor(sizeOf: (number: number) => number) {
    this.#sizeOf = sizeOf;
  }

  async *read(chunks: AsyncIterable<Buffer>): AsyncGenerator<Part> {
    let number = 1;
    let offset = 0;
    let buffer = this.#take(number);
    let filled = 0;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        if (filled === buffer.length) {
          // Only now, with a byte more, is it sure that this is not the last one.
          yield { number, offset, body: buffer, last: false };
          offset += filled;
          number += 1;
          buffer = this.#take(number);
          filled = 0;
        }
        const copied = chunk.copy(buffer, filled, at);
        at += copied;
        filled += copied;
      }
    }
    yield { number, offset, body: buffer.subarray(0, filled), last: true };
  }

  release(part: Part): void {
    if (!part.last) this.#free.push(part.body);
  }

  #take(number: number): Buffer {
    const size = this.#sizeOf(number);
    for (let spare = this.#free.pop(); spare; spare = this.#free.pop()) {
      if (spare.length === size) return spare;
    }
    return Buffer.allocUnsafeSlow(size);
  }
}

const MIB = 1024 * 1024;
/** What S3 allows in one upload. */
const MAX_PARTS = 10_000;
/** So many parts have the same size before it doubles, when nobody knows how much will come. */
const PARTS_PER_SIZE = 2_000;

/**
 * How large each part is. With the size, or a bound of it, known: as configured, or as large as 10,000 parts need (Cloudflare R2 and others want parts
 * of one size). Without: as configured for 2,000
 * parts, and then twice as large for every 2,000 more, which reaches 31 times as far as 2,000 times 16 MiB: 968 GiB.
 */
export function partSizes(configured: number, bytes: number | undefined): (number: number) => number {
  if (bytes === undefined) return (number) => configured * 2 ** Math.floor((number - 1) / PARTS_PER_SIZE);
  const needed = Math.ceil(bytes / MAX_PARTS / MIB) * MIB;
  const size = Math.max(configured, needed);
  return () => size;
}
