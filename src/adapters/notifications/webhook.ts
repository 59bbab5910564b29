import type { WebhookChannel } from '../../config/notifications.ts';
import { type NotificationEvent, titleOf } from '../../model/notification.ts';
import { placeOf, renderTemplate } from '../../model/notification-template.ts';
import type { Delivery } from './delivery.ts';

/** The templated request; without a template the body is the event as JSON, with its title. */
export function webhookDelivery(channel: WebhookChannel, event: NotificationEvent): Delivery {
  const headers = Object.entries(channel.headers).map(([header, template]) => [
    header.toLowerCase(),
    renderTemplate(template.reveal(), event, 'header'),
  ]);
  return {
    url: channel.url.reveal(),
    method: channel.method,
    headers: { 'content-type': channel.contentType, ...Object.fromEntries(headers) },
    body:
      channel.body === undefined
        ? JSON.stringify({ title: titleOf(event), ...event })
        : renderTemplate(channel.body, event, placeOf(channel.contentType)),
  };
}
