import { z } from 'zod';
import type { Problem } from './problems.ts';
import type { Secret } from './secret.ts';
import type { SecretFiles } from './secret-files.ts';
import { secretFile, secretText, section } from './section.ts';
import { isLoopback, TOKEN_MIN_LENGTH } from './status-page.ts';
import { name } from './values.ts';

/** Bytes of a key for AES-256. */
export const KEY_BYTES = 32;

const NOT_A_KEY = `must be ${KEY_BYTES} random bytes in base64 or hex, for example from: openssl rand -base64 ${KEY_BYTES}`;

/** The bytes of a key that is written in base64 (either alphabet) or hex; undefined when it is no key. */
export function codecKeyBytes(text: string): Buffer | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return undefined;
  const bytes = Buffer.from(trimmed, 'base64');
  return bytes.length === KEY_BYTES ? bytes : undefined;
}

const keySchema = section({
  name: name.meta({ description: 'Stands in clear beside what the key encrypted.' }),
  key: secretText('32 random bytes in base64 or hex.')
    .refine((text) => codecKeyBytes(text) !== undefined, NOT_A_KEY)
    .optional(),
  keyFile: secretFile('key').optional(),
});

const serverSchema = section({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'Address to listen on. Anything wider than this machine needs a token.' }),
  port: z
    .number({ error: 'must be a port from 0 to 65535' })
    .int('must be a port from 0 to 65535')
    .min(0, 'must be a port from 0 to 65535')
    .max(65_535, 'must be a port from 0 to 65535')
    .default(8235),
  origins: z
    .array(
      z
        .string()
        .refine(isOrigin, 'must be the origin of a page, such as http://127.0.0.1:8233, without a path'),
    )
    .default([])
    .meta({
      description:
        'Where the Temporal UI is served, as its address bar says. Pages from elsewhere are refused.',
    }),
  token: secretText(`At least ${TOKEN_MIN_LENGTH} characters; asked for in the Authorization header.`)
    .min(TOKEN_MIN_LENGTH, `must have at least ${TOKEN_MIN_LENGTH} characters`)
    .optional(),
  tokenFile: secretFile('token').optional(),
});

/** `temporal.codec`: payloads are encrypted before they leave for Temporal. */
export const codecSchema = section({
  keys: z
    .array(keySchema, { error: 'must be a list of keys, each with a name and key or keyFile' })
    .min(1, 'must have at least one key')
    .meta({ description: 'The first one encrypts, all of them decrypt.' }),
  server: serverSchema
    .optional()
    .meta({ description: '`lifeboat codec-server`, which decrypts for the Temporal UI and CLI.' }),
});

/** A named key for payloads. */
export interface CodecKey {
  name: string;
  /** As it was written; `codecKeyBytes` reads it. */
  key: Secret;
}

/** Where the codec server listens, and whom it answers. */
export interface CodecServerConfig {
  host: string;
  port: number;
  /** Origins of pages that may ask. */
  origins: string[];
  token?: Secret;
}

/** `temporal.codec`, resolved. */
export interface CodecConfig {
  /** In order; the first one encrypts. */
  keys: CodecKey[];
  server: CodecServerConfig;
}

/** `temporal.codec`, resolved. What only the content of files shows is a problem. */
export function buildCodec(
  file: z.infer<typeof codecSchema>,
  secrets: SecretFiles,
  problems: Problem[],
): CodecConfig {
  const keys = file.keys.flatMap((entry, index): CodecKey[] => {
    const key = secrets.secret(entry, 'key');
    if (!key) return [];
    if (entry.keyFile !== undefined && codecKeyBytes(key.reveal()) === undefined) {
      problems.push({
        path: ['temporal', 'codec', 'keys', index, 'keyFile'],
        message: `the file ${entry.keyFile} ${NOT_A_KEY}`.replace('must be', 'must hold'),
      });
    }
    return [{ name: entry.name, key }];
  });
  const { host, port, origins, ...rest } = file.server ?? serverSchema.parse({});
  const token = secrets.secret(rest, 'token');
  if (rest.tokenFile !== undefined && token && token.reveal().length < TOKEN_MIN_LENGTH) {
    problems.push({
      path: ['temporal', 'codec', 'server', 'tokenFile'],
      message: `must hold at least ${TOKEN_MIN_LENGTH} characters, for example from: openssl rand -hex 24`,
    });
  }
  return { keys, server: { host, port, origins, ...(token && { token }) } };
}

type Raw = Record<string, unknown>;
const isMap = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a schema of single values can not see: keys without content, names twice, a server for everybody without a token. */
export function codecProblems(file: Raw): Problem[] {
  const codec = isMap(file.temporal) && file.temporal.codec;
  if (!isMap(codec)) return [];
  const path = ['temporal', 'codec'];
  const problems: Problem[] = [];
  const seen = new Set<unknown>();
  for (const [index, entry] of (Array.isArray(codec.keys) ? codec.keys : []).entries()) {
    if (!isMap(entry)) continue;
    const here = [...path, 'keys', index];
    if (entry.key === undefined && entry.keyFile === undefined) {
      problems.push({ path: here, message: 'needs "key" or "keyFile"' });
    }
    if (entry.name !== undefined && seen.has(entry.name)) {
      problems.push({
        path: [...here, 'name'],
        message: `the name "${String(entry.name)}" is used twice: what a key encrypted is found again by its name`,
      });
    }
    seen.add(entry.name);
  }
  const { server } = codec;
  if (!isMap(server) || typeof server.host !== 'string' || isLoopback(server.host)) return problems;
  if (server.token === undefined && server.tokenFile === undefined) {
    problems.push({
      path: [...path, 'server', 'token'],
      message: `is missing: "${server.host}" is reachable from other machines, so give token or tokenFile`,
    });
  }
  return problems;
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text.toLowerCase();
}
