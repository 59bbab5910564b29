import { hkdfSync, randomBytes } from 'node:crypto';
import type { Encryption } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { LifeboatError } from '../../model/failures.ts';
import { type AgeBatch, inBatches, NotAuthentic, workOn } from './age-batch.ts';
import { headerSize, openFileKey, sealFileKey } from './age-keys.ts';
import { AgeThread } from './age-thread.ts';

const NONCE_BYTES = 16;
const FILE_KEY_BYTES = 16;
const HEADER_MAX_BYTES = 64 * 1024;

/** Files up to this size are encrypted where they are; larger ones in a thread of their own (chunks of 64 KiB). */
const SMALL_CHUNKS = 128;

/** Batches on their way through the thread: while one is worked on, the next is read and the last is sent. */
const UNDER_WAY = 3;

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
    yield* worked(chunks, 'seal', key);
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
  try {
    for await (const opened of worked(rest, 'open', key)) if (opened.length > 0) yield opened;
  } catch (error) {
    throw error instanceof NotAuthentic ? broken(where, error) : error;
  }
}

/**
 * Seals or opens what passes, batch by batch, in the order in which it came.
 * @throws {NotAuthentic}
 */
async function* worked(
  chunks: AsyncIterable<Buffer>,
  kind: AgeBatch['kind'],
  key: Uint8Array,
): AsyncGenerator<Buffer> {
  const underWay: Promise<Buffer>[] = [];
  for await (const batch of inBatches(chunks, kind, key)) {
    if (batch.first < SMALL_CHUNKS) {
      yield workOn(batch);
      continue;
    }
    const done = AgeThread.shared().workOn(batch);
    // Whoever reads this may have gone before it is awaited.
    done.catch(() => {});
    underWay.push(done);
    const oldest = underWay.length === UNDER_WAY ? underWay.shift() : undefined;
    if (oldest) yield await oldest;
  }
  for (const done of underWay) yield await done;
}

const payloadKey = (fileKey: Buffer, nonce: Buffer): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', 32));

const broken = (where: string, cause: unknown): LifeboatError =>
  new LifeboatError(
    'DecryptionFailed',
    `${where} can not be decrypted to its end: it was cut or changed. Use another set, or a copy in another repository.`,
    { cause },
  );

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
