import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import {
  Decrypter,
  Encrypter,
  type Identity,
  identityToRecipient,
  type Recipient,
  Stanza,
} from 'age-encryption';
import pLimit from 'p-limit';
import type { Encryption } from '../../config/config.ts';
import type { Secret } from '../../config/secret.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';

/**
 * log2 of scrypt's cost for passphrases: 128 MiB of memory while the key is derived. OWASP's Password Storage Cheat Sheet names
 * 2^17 as the least for scrypt with r = 8, p = 1; the stock `age` takes 18.
 */
const SCRYPT_LOG_N = 17;

/** Files with a higher cost are refused: 20 needs 1 GiB. */
const SCRYPT_MAX_LOG_N = 20;

const SCRYPT_LABEL = 'age-encryption.org/v1/scrypt';
const ZERO_NONCE = Buffer.alloc(12);
const POLY1305 = { authTagLength: 16 } as const;

// One derivation at a time: each one needs much memory.
const derive = pLimit(1);

/** A header and the key that it carries. */
export interface SealedKey {
  header: Buffer;
  fileKey: Buffer;
}

/**
 * A new file key, wrapped for everybody who shall read: the header of an age file.
 * @throws {LifeboatError} `RecipientInvalid` naming the recipient; `InvalidConfiguration` for both kinds or none
 */
export async function sealFileKey(
  encryption: Pick<Encryption, 'recipients' | 'passphrase'>,
): Promise<SealedKey> {
  requireEncryption(encryption);
  const encrypter = new Encrypter();
  for (const recipient of encryption.recipients) addRecipient(encrypter, recipient);
  if (encryption.passphrase) encrypter.addRecipient(byPassphrase(encryption.passphrase));
  let fileKey: Buffer | undefined;
  encrypter.addRecipient({
    wrapFileKey: (key) => {
      fileKey = Buffer.from(key);
      return [];
    },
  });
  const file = Buffer.from(await encrypter.encrypt(new Uint8Array(0)));
  const size = headerSize(file);
  if (!fileKey || size === undefined) throw new Error('age-encryption made no header.');
  return { header: file.subarray(0, size), fileKey };
}

/**
 * The key of an age file, by the first of the secrets that fits.
 * @throws {LifeboatError} `DecryptionFailed`, `IdentityMissing` where no key fits, `InvalidConfiguration` for an identity that is none
 */
export async function openFileKey(
  header: Buffer,
  keys: { identities?: Secret[]; passphrase?: Secret },
  where: string,
): Promise<Buffer> {
  const decrypter = new Decrypter();
  for (const [index, identity] of (keys.identities ?? []).entries()) addIdentity(decrypter, identity, index);
  if (keys.passphrase) decrypter.addIdentity(openedBy(keys.passphrase));
  if (!keys.passphrase && !keys.identities?.length) {
    throw new LifeboatError(
      'IdentityMissing',
      `${where} is encrypted, and no identity or passphrase is configured: set one under encryption where sets are read.`,
    );
  }
  try {
    return Buffer.from(await decrypter.decryptHeader(header));
  } catch (error) {
    // That a key is not here says nothing of the file: whoever holds it can still read it.
    if (messageOf(error).startsWith('no identity matched')) {
      throw new LifeboatError(
        'IdentityMissing',
        `None of the configured identities or passphrases can read ${where}: configure one of those that it was encrypted for.`,
        { cause: error },
      );
    }
    throw new LifeboatError(
      'DecryptionFailed',
      `${where} does not begin with a whole age header: it was cut or changed, or the key is another's.`,
      { cause: error },
    );
  }
}

/** The size of the header at the beginning of an age file; undefined while its end has not been seen. */
export function headerSize(start: Buffer): number | undefined {
  const mac = start.indexOf('\n--- ');
  const end = mac < 0 ? -1 : start.indexOf('\n', mac + 1);
  return end < 0 ? undefined : end + 1;
}

/**
 * Whether these keys can encrypt, before anything is captured.
 * @throws {LifeboatError} `RecipientInvalid`, `InvalidConfiguration`
 */
export function requireEncryption(encryption: Pick<Encryption, 'recipients' | 'passphrase'>): void {
  const { recipients, passphrase } = encryption;
  if (passphrase && recipients.length > 0) {
    throw new LifeboatError(
      'InvalidConfiguration',
      'encryption has both recipients and a passphrase, which the age format does not allow in one file: keep one of them.',
    );
  }
  if (!passphrase && recipients.length === 0) {
    throw new LifeboatError(
      'InvalidConfiguration',
      'encryption names nobody who could read the sets: give it recipients (age1…) or a passphrase.',
    );
  }
  if (passphrase?.reveal() === '') {
    throw new LifeboatError('InvalidConfiguration', 'The passphrase under encryption is empty: set one.');
  }
  for (const recipient of recipients) addRecipient(new Encrypter(), recipient);
}

/** The public key that belongs to an identity: to check that what is written can also be read. */
export async function recipientOf(identity: Secret): Promise<string> {
  return await identityToRecipient(identity.reveal().trim());
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  // Whoever mistakes one for the other must not find the secret in a message.
  if (/^AGE-SECRET-KEY-/i.test(recipient.trim())) {
    throw new LifeboatError(
      'RecipientInvalid',
      'One of the encryption.recipients is a secret key (AGE-SECRET-KEY-…): put the public key that belongs to it (age1…) there.',
    );
  }
  try {
    encrypter.addRecipient(recipient.trim());
  } catch (cause) {
    throw new LifeboatError(
      'RecipientInvalid',
      `"${recipient}" is not an age recipient: it must be a public key such as "age-keygen" prints (age1…), copied whole.`,
      { cause },
    );
  }
}

function addIdentity(decrypter: Decrypter, identity: Secret, index: number): void {
  try {
    decrypter.addIdentity(identity.reveal().trim());
  } catch {
    // Without the cause: its text may quote the key.
    throw new LifeboatError(
      'InvalidConfiguration',
      `Identity ${index + 1} under encryption is not an age identity: it must be a line such as "age-keygen" writes (AGE-SECRET-KEY-1…), copied whole.`,
    );
  }
}

const scryptKey = async (passphrase: Secret, salt: Buffer, logN: number): Promise<Buffer> =>
  await derive(() =>
    promisify<string, Buffer, number, object, Buffer>(scrypt)(
      passphrase.reveal(),
      Buffer.concat([Buffer.from(SCRYPT_LABEL), salt]),
      32,
      { N: 2 ** logN, r: 8, p: 1, maxmem: 2 ** logN * 1024 + 1024 * 1024 },
    ),
  );

/** The passphrase stanza of the public age v1 format (C2SP age.md § scrypt), with the native scrypt. */
const byPassphrase = (passphrase: Secret): Recipient => ({
  async wrapFileKey(fileKey) {
    const salt = randomBytes(16);
    const key = await scryptKey(passphrase, salt, SCRYPT_LOG_N);
    const cipher = createCipheriv('chacha20-poly1305', key, ZERO_NONCE, POLY1305);
    const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
    return [new Stanza(['scrypt', unpadded(salt), String(SCRYPT_LOG_N)], body)];
  },
});

const openedBy = (passphrase: Secret): Identity => ({
  async unwrapFileKey(stanzas) {
    const [stanza] = stanzas;
    if (!stanzas.some(({ args }) => args[0] === 'scrypt')) return null;
    const [, salt = '', cost = ''] = stanza?.args ?? [];
    const logN = /^[1-9]\d?$/.test(cost) ? Number(cost) : Infinity;
    const saltBytes = Buffer.from(salt, 'base64');
    const body = Buffer.from(stanza?.body ?? []);
    if (stanzas.length !== 1 || logN > SCRYPT_MAX_LOG_N || saltBytes.length !== 16 || body.length !== 32) {
      throw new Error('invalid scrypt stanza');
    }
    const key = await scryptKey(passphrase, saltBytes, logN);
    try {
      const decipher = createDecipheriv('chacha20-poly1305', key, ZERO_NONCE, POLY1305);
      decipher.setAuthTag(body.subarray(16));
      return Buffer.concat([decipher.update(body.subarray(0, 16)), decipher.final()]);
    } catch {
      return null;
    }
  },
});

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
