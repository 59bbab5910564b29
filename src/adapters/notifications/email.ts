import { createTransport } from 'nodemailer';
import type { EmailChannel } from '../../config/notifications.ts';
import { type NotificationEvent, titleOf } from '../../model/notification.ts';
import { type Addressee, networkReason, notDelivered } from './delivery.ts';
import { textOf } from './text.ts';

/** Whether the server does not take the password, for good: 4xx, as in 454, is a trouble of its own (RFC 4954, section 6). */
function isRefused(error: unknown): boolean {
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number };
  return code === 'EAUTH' && responseCode >= 500;
}

function mailReason(error: unknown): string {
  const { code, responseCode, response } = error as {
    code?: string;
    responseCode?: number;
    response?: string;
  };
  if (code === 'EAUTH') return 'the mail server refused the user name or password.';
  if (responseCode !== undefined) return `the mail server answered ${response ?? responseCode}.`;
  if (code === 'ETLS') return `no encrypted connection: ${(error as Error).message}`;
  const cause = (error as { cause?: unknown }).cause;
  return networkReason(cause ?? error);
}

/**
 * Send one message as plain text.
 * @throws {LifeboatError} `NotificationFailed`, or `NotificationRefused` for its password.
 */
export async function sendMail(
  channel: EmailChannel,
  to: Addressee,
  event: NotificationEvent,
  signal?: AbortSignal,
): Promise<void> {
  const { host, port, security, timeoutMs } = channel;
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(channel.username && { auth: { user: channel.username, pass: channel.password?.reveal() ?? '' } }),
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const stopped = Promise.withResolvers<never>();
  const onStop = () => stopped.reject(stop.reason);
  stop.addEventListener('abort', onStop, { once: true });
  try {
    stop.throwIfAborted();
    const sending = transport.sendMail({
      from: channel.from,
      to: [...channel.to],
      subject: `[lifeboat] ${titleOf(event)}`,
      text: textOf(event),
      headers: { 'auto-submitted': 'auto-generated', 'x-lifeboat-kind': event.kind },
    });
    await Promise.race([sending, stopped.promise]);
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw notDelivered(to, `no answer within ${timeoutMs / 1000} s.`);
    throw notDelivered(to, mailReason(error), { refused: isRefused(error) });
  } finally {
    stop.removeEventListener('abort', onStop);
    transport.close();
  }
}
