import type { NotificationChannel } from '../../config/notifications.ts';
import type { Secret } from '../../config/secret.ts';
import { type NotificationEvent, redactNotification } from '../../model/notification.ts';
import { type Addressee, type Delivery, deliver } from './delivery.ts';
import { sendMail } from './email.ts';
import { ntfyDelivery } from './ntfy.ts';
import { pingDelivery } from './ping.ts';
import { slackDelivery } from './slack.ts';
import { webhookDelivery } from './webhook.ts';

/** The secrets of a channel itself. A URL's path and query count as secret as well: whoever knows them can post. */
function secretsOf(channel: NotificationChannel): string[] {
  const of = (secret: Secret | undefined): string[] => (secret ? [secret.reveal()] : []);
  switch (channel.kind) {
    case 'ntfy':
      return [...of(channel.topic), ...of(channel.token)];
    case 'email':
      return of(channel.password);
    default: {
      const headers = channel.kind === 'webhook' ? Object.values(channel.headers).flatMap(of) : [];
      const { pathname, search, password } = new URL(channel.url.reveal());
      return [...of(channel.url), ...headers, pathname, search, password].filter((text) => text.length > 3);
    }
  }
}

function deliveryFor(
  channel: Exclude<NotificationChannel, { kind: 'email' }>,
  event: NotificationEvent,
): Delivery {
  switch (channel.kind) {
    case 'webhook':
      return webhookDelivery(channel, event);
    case 'slack':
      return slackDelivery(channel, event);
    case 'ntfy':
      return ntfyDelivery(channel, event);
    case 'ping':
      return pingDelivery(channel, event);
  }
}

/**
 * Tell one channel of one event, once. Whatever the event says goes through the redaction first.
 * @param options.secrets further values that may not leave the house: the configuration's.
 * @throws {LifeboatError} `NotificationFailed` or `NotificationRefused`, which names the channel and holds no part of its address.
 */
export async function sendNotification(
  channel: NotificationChannel,
  event: NotificationEvent,
  options: { signal?: AbortSignal; secrets?: readonly string[] } = {},
): Promise<void> {
  const own = secretsOf(channel);
  const clean = redactNotification(event, [...own, ...(options.secrets ?? [])]);
  const to: Addressee = { channel: channel.name, kind: channel.kind, secrets: own };
  if (channel.kind === 'email') return await sendMail(channel, to, clean, options.signal);
  const { signal } = options;
  await deliver(to, deliveryFor(channel, clean), { signal, timeoutMs: channel.timeoutMs });
}
