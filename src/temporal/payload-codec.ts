import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { type CodecKey, codecKeyBytes } from '../config/codec.ts';
import { LifeboatError } from '../model/failures.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** What the metadata of an encrypted payload says of its encoding; another layout gets another name. */
export const ENCRYPTED = 'binary/lifeboat-aes-256-gcm';

/** The metadata that names the key. */
const KEY_NAME = 'lifeboat-key';

const CIPHER = 'aes-256-gcm';
/** Bytes. */
const NONCE = 12;
const TAG = 16;

const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();

/** What a codec goes by. */
export interface CodecUse {
  /** Whether what leaves is encrypted; what comes is decrypted in any case. */
  encrypts: boolean;
  /** In order; the first one encrypts. Asked at each use, so that a reload takes effect. */
  keys: () => readonly CodecKey[];
}

/**
 * Encrypts payloads with the first key, and decrypts with the one that a payload names. The whole payload, metadata too, becomes
 * nonce, ciphertext and tag. What is not encrypted passes as it is, so that histories from before stay readable.
 */
export function payloadCodec({ encrypts, keys }: CodecUse): PayloadCodec {
  return {
    encode: async (payloads) => {
      const [first] = encrypts ? keys() : [];
      return first ? payloads.map((payload) => encrypt(payload, first)) : payloads;
    },
    decode: async (payloads) => payloads.map((payload) => decrypt(payload, keys())),
  };
}

/** Layout and key are bound: a payload whose metadata somebody changed is refused. */
const bound = (keyName: string): Buffer => Buffer.from(`${ENCRYPTED}\n${keyName}`);

function encrypt(payload: Payload, { name, key }: CodecKey): Payload {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, bytesOf(name, key.reveal()), nonce).setAAD(bound(name));
  const plain = PayloadMessage.encode(payload).finish();
  const sealed = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  return {
    metadata: { encoding: Buffer.from(ENCRYPTED), [KEY_NAME]: Buffer.from(name) },
    data: Buffer.concat(sealed),
  };
}

function decrypt(payload: Payload, keys: readonly CodecKey[]): Payload {
  if (text(payload.metadata?.encoding) !== ENCRYPTED) return payload;
  const name = text(payload.metadata?.[KEY_NAME]);
  const found = keys.find((one) => one.name === name);
  if (!found) throw missingKey(name, keys);
  const sealed = Buffer.from(payload.data ?? []);
  try {
    const decipher = createDecipheriv(CIPHER, bytesOf(name, found.key.reveal()), sealed.subarray(0, NONCE), {
      authTagLength: TAG,
    })
      .setAAD(bound(name))
      .setAuthTag(sealed.subarray(sealed.length - TAG));
    const plain = [decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()];
    return PayloadMessage.decode(Buffer.concat(plain));
  } catch (cause) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `A payload in Temporal can not be decrypted with the key "${name}" of temporal.codec.keys: it was encrypted with another key of that name, or changed since. Give every key a name of its own.`,
      { cause },
    );
  }
}

function missingKey(name: string, keys: readonly CodecKey[]): LifeboatError {
  const known = keys.map((one) => `"${one.name}"`).join(', ');
  const has = known === '' ? 'there are no keys in this configuration' : `this configuration has ${known}`;
  return new LifeboatError(
    'InvalidConfiguration',
    `A payload in Temporal is encrypted with the key "${name}", and ${has}: add that key to temporal.codec.keys.`,
  );
}

function bytesOf(name: string, written: string): Buffer {
  const bytes = codecKeyBytes(written);
  if (!bytes) throw new LifeboatError('InvalidConfiguration', `The key "${name}" is no AES-256 key.`);
  return bytes;
}
