import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { Encryption } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { LifeboatError } from '../../model/failures.ts';
import { headerSize, openFileKey, sealFileKey } from './age-keys.ts';

// The payload of the public age v1 format (C2SP age.md § Payload): chunks of 64 KiB, each sealed by ChaCha20-Poly1305 under a
// nonce of an 11 byte counter and a byte that marks the last one, so that no chunk can be moved, left out or added.
const PLAIN_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_BYTES = PLAIN_BYTES + TAG_BYTES;
const NONCE_BYTES = 16;
const FILE_KEY_BYTES = 16;
const HEADER_MAX_BYTES = 64 * 1024;
const CIPHER = 'chacha20-poly1305';
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES } as const;

/**
 * The header, key and nonce of one encrypted file, chosen before it is written. With it, and the same content, the same bytes come
 * out again: so an upload that was cut can go on. It is as secret as the content: keep it beside the staged content, and
 * nowhere else. It must never be used for two different contents: whoever has both files could then learn about both.
 * @throws {LifeboatError} `RecipientInvalid`, `InvalidConfiguration`
 */
export async function newSeal(encryption: Pick<Encryption, 'recipients' | 'passphrase'>): Promise<Secret> {
  const { header, fileKey } = await sealFileKey(encryption);
  const parts = [header, fileKey, randomBytes(NONCE_BYTES)];
  return new Secret(parts.map((part) => part.toString('base64')).join(' '));
}

/** Whether a seal is one for this passphrase; for which recipients it is, only whoever made it knows. */
export async function sealFits(
  seal: Secret,
  { passphrase }: Pick<Encryption, 'passphrase'>,
): Promise<boolean> {
  const [header = '', fileKey = ''] = seal.reveal().split(' ');
  if (!passphrase) return true;
  try {
    const opened = await openFileKey(Buffer.from(header, 'base64'), { passphrase }, 'An upload under way');
    return opened.equals(Buffer.from(fileKey, 'base64'));
  } catch {
    return false;
  }
}

/**
 * A stage that encrypts what passes, for the stock `age` program to read.
 * @param seal of an earlier attempt to store the very same content. Default: a new one
 * @throws {LifeboatError} `RecipientInvalid`, `InvalidConfiguration`
 */
export async function encryptForAge(
  encryption: Pick<Encryption, 'recipients' | 'passphrase'>,
  seal?: Secret,
): Promise<(chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>> {
  const chosen = (seal ?? (await newSeal(encryption))).reveal().split(' ');
  const [header, fileKey, nonce] = chosen.map((part) => Buffer.from(part, 'base64'));
  if (!header || fileKey?.length !== FILE_KEY_BYTES || nonce?.length !== NONCE_BYTES) {
    throw new LifeboatError('InvalidInput', 'The seal of an earlier upload can not be read: begin it anew.');
  }
  const key = payloadKey(fileKey, nonce);
  return async function* stage(chunks) {
    yield Buffer.concat([header, nonce]);
    const counter = new Counter();
    for await (const { pieces, last } of inPieces(chunks, PLAIN_BYTES)) {
      const sealed = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length + TAG_BYTES, 0));
      let at = 0;
      for (const [index, piece] of pieces.entries()) {
        const isLast = last && index === pieces.length - 1;
        const cipher = createCipheriv(CIPHER, key, counter.next(isLast), CIPHER_OPTIONS);
        at += cipher.update(piece).copy(sealed, at);
        cipher.final();
        at += cipher.getAuthTag().copy(sealed, at);
      }
      yield sealed;
    }
  };
}

/**
 * What an age file holds. Every chunk is authenticated before it is handed on.
 * @throws {LifeboatError} `DecryptionFailed` for a file that none of the keys fits, or that was cut, changed, reordered or added to;
 * `InvalidConfiguration` for an identity that is none
 */
export async function* decryptFromAge(
  chunks: AsyncIterable<Buffer>,
  keys: { identities?: Secret[]; passphrase?: Secret },
  where: string,
): AsyncGenerator<Buffer> {
  const { start, rest } = await readStart(chunks, where);
  const size = headerSize(start) ?? start.length;
  const fileKey = await openFileKey(start.subarray(0, size), keys, where);
  const key = payloadKey(fileKey, start.subarray(size, size + NONCE_BYTES));
  const counter = new Counter();
  let first = true;
  for await (const { pieces, last } of inPieces(rest, SEALED_BYTES)) {
    const opened = Buffer.allocUnsafeSlow(
      pieces.reduce((sum, piece) => sum + Math.max(piece.length - TAG_BYTES, 0), 0),
    );
    let at = 0;
    for (const [index, piece] of pieces.entries()) {
      const isLast = last && index === pieces.length - 1;
      // Only a file without content has an empty chunk.
      if (piece.length < TAG_BYTES || (piece.length === TAG_BYTES && !first)) throw broken(where);
      const decipher = createDecipheriv(CIPHER, key, counter.next(isLast), CIPHER_OPTIONS);
      decipher.setAuthTag(piece.subarray(-TAG_BYTES));
      at += decipher.update(piece.subarray(0, -TAG_BYTES)).copy(opened, at);
      try {
        decipher.final();
      } catch (cause) {
        throw broken(where, cause);
      }
      first = false;
    }
    if (opened.length > 0) yield opened;
  }
}

/** 11 bytes of counting, big-endian, and the mark of the last chunk. 2^48 chunks are more than any store holds. */
class Counter {
  readonly #nonce = Buffer.alloc(12);
  #count = 0;

  next(last: boolean): Buffer {
    this.#nonce.writeUIntBE(this.#count, 5, 6);
    this.#nonce[11] = last ? 1 : 0;
    this.#count += 1;
    return this.#nonce;
  }
}

/** As a key object: with the bytes themselves Node takes ten times as long to make a cipher, of which every chunk needs one. */
const payloadKey = (fileKey: Buffer, nonce: Buffer): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32)));

const broken = (where: string, cause?: unknown): LifeboatError =>
  new LifeboatError(
    'DecryptionFailed',
    `${where} can not be decrypted to its end: it was cut or changed. Use another set, or a copy in another repository.`,
    { cause },
  );

/**
 * The same bytes in pieces of exactly this size, as many together as came together; only the very last may be smaller, and it is empty
 * when there are no bytes at all. Pieces are views of what came, copied only where one spans two chunks.
 */
async function* inPieces(
  chunks: AsyncIterable<Buffer>,
  size: number,
): AsyncGenerator<{ pieces: Buffer[]; last: boolean }> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    // A whole piece stays held until more comes: it may be the last one, which is sealed differently.
    if (heldBytes + chunk.length <= size) {
      held.push(chunk);
      heldBytes += chunk.length;
      continue;
    }
    const pieces: Buffer[] = [];
    let at = 0;
    if (heldBytes > 0) {
      at = size - heldBytes;
      const [only] = held;
      pieces.push(
        held.length === 1 && only && at === 0 ? only : Buffer.concat([...held, chunk.subarray(0, at)]),
      );
    }
    for (; chunk.length - at > size; at += size) pieces.push(chunk.subarray(at, at + size));
    held = [chunk.subarray(at)];
    heldBytes = chunk.length - at;
    if (pieces.length > 0) yield { pieces, last: false };
  }
  yield { pieces: [Buffer.concat(held)], last: true };
}

/** The header and the payload's nonce, and everything after them. */
async function readStart(
  chunks: AsyncIterable<Buffer>,
  where: string,
): Promise<{ start: Buffer; rest: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let read = Buffer.alloc(0);
  while (true) {
    const size = headerSize(read);
    if (size !== undefined && read.length >= size + NONCE_BYTES) {
      const after = read.subarray(size + NONCE_BYTES);
      const rest = (async function* () {
        try {
          yield after;
          for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
        } finally {
          await iterator.return?.();
        }
      })();
      return { start: read.subarray(0, size + NONCE_BYTES), rest };
    }
    const next = size === undefined && read.length > HEADER_MAX_BYTES ? undefined : await iterator.next();
    if (!next || next.done) {
      await iterator.return?.();
      throw new LifeboatError(
        'DecryptionFailed',
        `${where} does not begin with a whole age header: it was cut, changed, or never encrypted. Use another set, or a copy in another repository.`,
      );
    }
    read = Buffer.concat([read, next.value]);
  }
}
