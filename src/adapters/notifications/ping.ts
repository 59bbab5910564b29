import type { PingChannel } from '../../config/notifications.ts';
import { isTrouble, type NotificationEvent } from '../../model/notification.ts';
import type { Delivery } from './delivery.ts';
import { textOf } from './text.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `/fail` for trouble, the URL itself for a success; the run's id tells runs apart. */
export function pingDelivery(channel: PingChannel, event: NotificationEvent): Delivery {
  const url = new URL(channel.url.reveal());
  const end = isTrouble(event.kind) ? '/fail' : '';
  if (end !== '') url.pathname = url.pathname.replace(/\/+$/, '') + end;
  if (event.runId && UUID.test(event.runId)) url.searchParams.set('rid', event.runId);
  return { url: url.href, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: textOf(event) };
}
