import type { SlackChannel } from '../../config/notifications.ts';
import { isTrouble, type NotificationEvent, titleOf } from '../../model/notification.ts';
import type { Delivery } from './delivery.ts';
import { factsOf } from './text.ts';

/** Slack's three control characters. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Text with an attachment: the part of Slack's message that Mattermost, Rocket.Chat and others take as well. */
export function slackDelivery(channel: SlackChannel, event: NotificationEvent): Delivery {
  const title = escaped(titleOf(event));
  const failures = (event.failures ?? []).map((f) => `• ${f.service}: ${f.type}: ${f.message}`);
  const attachment = {
    color: colour(event),
    fallback: title,
    text: escaped([event.message, ...failures].join('\n')),
    fields: factsOf(event).map(([label, value]) => ({
      title: label,
      value: escaped(value),
      short: value.length < 40,
    })),
    ts: Math.floor(Date.parse(event.at) / 1000),
  };
  return {
    url: channel.url.reveal(),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: `*${title}*`, attachments: [attachment] }),
  };
}

function colour(event: NotificationEvent): string {
  if (event.kind === 'partial' || event.kind === 'stale') return '#b45309';
  return isTrouble(event.kind) ? '#b91c1c' : '#15803d';
}
