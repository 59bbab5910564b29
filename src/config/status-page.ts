import { z } from 'zod';
import type { Problem } from './problems.ts';
import type { Secret } from './secret.ts';
import type { SecretFiles } from './secret-files.ts';
import { secretFile, secretText, section } from './section.ts';

/** A token shorter than this is refused (characters): it must not be guessable over a network. */
export const TOKEN_MIN_LENGTH = 16;

/** `statusPage`: the page for a glance. Read only. */
export const statusPageSchema = section({
  enabled: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .meta({ description: 'Serve the status page. Default: off.' }),
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
    .default(8484),
  token: secretText(
    `At least ${TOKEN_MIN_LENGTH} characters; asked for before anything is shown.`,
  ).optional(),
  tokenFile: secretFile('token').optional(),
  secureCookie: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .meta({ description: 'Mark the cookie as Secure: set it where a proxy in front speaks HTTPS.' }),
  temporalUi: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://127.0.0.1:8233' })
    .optional()
    .meta({ description: 'Base URL of the Temporal UI as a browser reaches it; runs then link to it.' }),
});

/** The status page, resolved. */
export interface StatusPageConfig {
  enabled: boolean;
  host: string;
  port: number;
  token?: Secret;
  secureCookie: boolean;
  temporalUi?: string;
}

/** Whether an address is reachable from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);

/** `statusPage`, resolved. A token that is missing where one is needed, or is too short, is a problem. */
export function buildStatusPage(
  file: z.infer<typeof statusPageSchema>,
  secrets: SecretFiles,
  problems: Problem[],
): StatusPageConfig {
  const { enabled, host, port, secureCookie, temporalUi } = file;
  const token = secrets.secret(file, 'token');
  const problem = (message: string) => void problems.push({ path: ['statusPage', 'token'], message });
  if (enabled && !token && file.tokenFile === undefined && !isLoopback(host)) {
    problem(`is missing: "${host}" is reachable from other machines, so give token or tokenFile`);
  }
  if (token && token.reveal().length < TOKEN_MIN_LENGTH) {
    problem(`must have at least ${TOKEN_MIN_LENGTH} characters, for example from: openssl rand -hex 24`);
  }
  return { enabled, host, port, secureCookie, ...(token && { token }), ...(temporalUi && { temporalUi }) };
}
