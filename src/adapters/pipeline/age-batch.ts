import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';

// The payload of the public age v1 format (C2SP age.md § Payload): chunks of 64 KiB, each sealed by ChaCha20-Poly1305 under a
// nonce of an 11 byte counter and a byte that marks the last one, so that no chunk can be moved, left out or added.
const PLAIN_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_BYTES = PLAIN_BYTES + TAG_BYTES;
const CIPHER = 'chacha20-poly1305';
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES } as const;

/** Chunks that are worked on together: so many that handing them to a thread does not count. */
const BATCH_CHUNKS = 16;

/** Neighbouring chunks of one file, that nobody else has: they are sealed or opened where they lie. */
export interface AgeBatch {
  kind: 'seal' | 'open';
  key: Uint8Array;
  /** Chunks of the file before these. */
  first: number;
  /** Whether the last of these is the file's. */
  last: boolean;
  /** To be sealed: with room for a tag behind each chunk. */
  memory: Buffer<ArrayBuffer>;
}

/** A chunk was cut, changed, or moved: nothing of its batch may be used. */
export class NotAuthentic extends Error {
  override name = 'NotAuthentic';
  constructor() {
    super('A chunk of an age file is not authentic.');
  }
}

/**
 * The batch, sealed or opened in its own memory. Nothing is kept from one to the next, so any thread can do it.
 * @throws {NotAuthentic}
 */
export function workOn(batch: AgeBatch): Buffer<ArrayBuffer> {
  return batch.kind === 'seal' ? seal(batch) : open(batch);
}

function seal({ key, first, last, memory }: AgeBatch): Buffer<ArrayBuffer> {
  const secret = createSecretKey(key);
  for (let at = 0, count = first; at < memory.length; at += SEALED_BYTES, count += 1) {
    const end = Math.min(at + SEALED_BYTES, memory.length);
    const nonce = nonceOf(count, last && end === memory.length);
    const cipher = createCipheriv(CIPHER, secret, nonce, CIPHER_OPTIONS);
    moveInto(memory, at, cipher.update(memory.subarray(at, end - TAG_BYTES)));
    cipher.final();
    cipher.getAuthTag().copy(memory, end - TAG_BYTES);
  }
  return memory;
}

function open({ key, first, last, memory }: AgeBatch): Buffer<ArrayBuffer> {
  const secret = createSecretKey(key);
  let opened = 0;
  for (let at = 0, count = first; at === 0 || at < memory.length; at += SEALED_BYTES, count += 1) {
    const piece = memory.subarray(at, at + SEALED_BYTES);
    // Only a file without content has an empty chunk.
    if (piece.length < TAG_BYTES || (piece.length === TAG_BYTES && count > 0)) throw new NotAuthentic();
    const nonce = nonceOf(count, last && at + piece.length === memory.length);
    const decipher = createDecipheriv(CIPHER, secret, nonce, CIPHER_OPTIONS);
    decipher.setAuthTag(piece.subarray(-TAG_BYTES));
    const plain = decipher.update(piece.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new NotAuthentic();
    }
    opened += moveInto(memory, opened, plain);
  }
  return memory.subarray(0, opened);
}

/** Gives memory back at once that a cipher made for its answer alone: the collector would let some 100 MiB of it lie first. */
function moveInto(memory: Buffer, at: number, moved: Buffer): number {
  const bytes = moved.copy(memory, at);
  const { buffer } = moved;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes) buffer.transfer(0);
  return bytes;
}

/** 11 bytes of counting, big-endian, and the mark of the last chunk. 2^48 chunks are more than any store holds. */
function nonceOf(count: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/**
 * The bytes, copied into batches. Every one but the very last is full; that one is only empty when there are no bytes at all.
 */
export async function* inBatches(
  chunks: AsyncIterable<Buffer>,
  kind: AgeBatch['kind'],
  key: Uint8Array,
): AsyncGenerator<AgeBatch> {
  const tag = kind === 'seal' ? TAG_BYTES : 0;
  const piece = SEALED_BYTES - tag;
  let first = 0;
  let held = 0;
  let memory = newMemory();
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      // Not before more comes: the last one is sealed differently.
      if (held === BATCH_CHUNKS * piece) {
        yield { kind, key, first, last: false, memory };
        first += BATCH_CHUNKS;
        held = 0;
        memory = newMemory();
      }
      const within = held % piece;
      const at = ((held - within) / piece) * SEALED_BYTES + within;
      const copied = chunk.copy(memory, at, from, from + Math.min(piece - within, chunk.length - from));
      from += copied;
      held += copied;
    }
  }
  const pieces = Math.max(1, Math.ceil(held / piece));
  yield { kind, key, first, last: true, memory: memory.subarray(0, held + pieces * tag) };
}

/** Of its own, so that it can be handed to a thread. */
const newMemory = (): Buffer<ArrayBuffer> => Buffer.allocUnsafeSlow(BATCH_CHUNKS * SEALED_BYTES);
