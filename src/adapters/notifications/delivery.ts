import { request } from 'undici';
import { LifeboatError } from '../../model/failures.ts';
import { redactText } from '../../model/notification.ts';

/** One HTTP request that tells somebody something. */
export interface Delivery {
  url: string;
  method?: 'POST' | 'PUT';
  headers?: Record<string, string>;
  body: string;
}

/** What a failing delivery is called by, and what may not be in its message. */
export interface Addressee {
  channel: string;
  kind: string;
  secrets: readonly string[];
}

/** The failure of one channel: a sentence with its name, never with its address. */
export function notDelivered(
  to: Addressee,
  why: string,
  {
    refused = false,
    ...details
  }: {
    /** The receiver does not take these credentials. Trying them again gets senders locked out. Default false. */
    refused?: boolean;
    status?: number;
  } = {},
): LifeboatError {
  return new LifeboatError(
    refused ? 'NotificationRefused' : 'NotificationFailed',
    redactText(`The ${to.kind} channel "${to.channel}" could not be told: ${why}`, to.secrets),
    { details: { channel: to.channel, ...details } },
  );
}

/** What a network error means, in words. */
export function networkReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ECONNREFUSED') return 'nothing listens at its address.';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host name can not be resolved.';
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'the connection was cut.';
  if (code?.startsWith('UND_ERR_CONNECT_TIMEOUT')) return 'no connection in time.';
  if (code && /CERT|SIGNATURE|ISSUER|TLS|SSL/.test(code)) {
    return `its certificate is not trusted (${code}): name the authority with NODE_EXTRA_CA_CERTS.`;
  }
  return `${message ?? String(error)}${code ? ` (${code})` : ''}`;
}

function statusReason(status: number): string {
  if (status >= 300 && status < 400) return 'redirects are not followed: configure the final URL.';
  if (status === 401 || status === 403) return 'check its credentials.';
  if (status === 404 || status === 410) return 'was the hook removed?';
  if (status === 429) return 'it is asked too often.';
  return status >= 500 ? 'the trouble is at its end.' : 'it does not accept what is sent.';
}

/**
 * Send and wait for the answer's status; the rest of the answer is thrown away.
 * @throws {LifeboatError} `NotificationFailed`, or `NotificationRefused` for its credentials.
 */
export async function deliver(
  to: Addressee,
  delivery: Delivery,
  options: { signal?: AbortSignal | undefined; timeoutMs: number },
): Promise<void> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let status: number;
  try {
    const answer = await request(delivery.url, {
      method: delivery.method ?? 'POST',
      headers: { 'user-agent': 'lifeboat', ...delivery.headers },
      body: delivery.body,
      signal,
      // A channel is used seldom: a kept connection would only be found dead the next time.
      reset: true,
    });
    status = answer.statusCode;
    await answer.body.dump({ limit: 64 * 1024, signal }).catch(() => undefined);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw notDelivered(to, `no answer within ${options.timeoutMs / 1000} s.`);
    throw notDelivered(to, networkReason(error));
  }
  if (status < 200 || status > 299) {
    const refused = status === 401 || status === 403;
    throw notDelivered(to, `it answered ${status}; ${statusReason(status)}`, { status, refused });
  }
}
