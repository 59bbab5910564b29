import type { NtfyChannel } from '../../config/notifications.ts';
import { isTrouble, type NotificationEvent, titleOf } from '../../model/notification.ts';
import type { Delivery } from './delivery.ts';
import { textOf } from './text.ts';

/** ntfy's largest message (bytes); a longer one would become an attachment. */
const MESSAGE_MAX_BYTES = 4000;

/** Published as JSON at the server's root, so that the topic is in no URL and the title may hold any character. */
export function ntfyDelivery(channel: NtfyChannel, event: NotificationEvent): Delivery {
  const trouble = isTrouble(event.kind);
  return {
    url: channel.server,
    headers: {
      'content-type': 'application/json',
      ...(channel.token && { authorization: `Bearer ${channel.token.reveal()}` }),
    },
    body: JSON.stringify({
      topic: channel.topic.reveal(),
      title: titleOf(event),
      message: Buffer.from(textOf(event)).subarray(0, MESSAGE_MAX_BYTES).toString(),
      // 4 is high, 3 is normal.
      priority: trouble ? 4 : 3,
      tags: [trouble ? 'warning' : 'white_check_mark', event.kind],
    }),
  };
}
