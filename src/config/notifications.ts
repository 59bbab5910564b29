import { z } from 'zod';
import { NOTIFICATION_KINDS, type NotificationKind } from '../model/notification.ts';
import { placeOf, type TemplateAt } from '../model/notification-template.ts';
import type { Secret } from './secret.ts';
import { secretFile, secretText, section } from './section.ts';
import { duration, name } from './values.ts';

const text = z.string().min(1, 'must not be empty');

const common = {
  on: z
    .array(z.enum(NOTIFICATION_KINDS, { error: `must be one of ${NOTIFICATION_KINDS.join(', ')}` }), {
      error: 'must be a list of kinds',
    })
    .min(1, 'must name at least one kind')
    .optional()
    .meta({ description: 'Which kinds this channel is told. Default: every kind but started and success.' }),
  services: z
    .array(name)
    .min(1, 'must name at least one service')
    .optional()
    .meta({ description: 'Only what concerns one of these services. Default: all.' }),
  timeout: duration({ min: '1s', max: '1m' }).default(10_000).meta({
    description: 'How long one try may take. It is tried again a few times, and never fails a backup.',
  }),
};

const secretUrl = (description: string) => ({
  url: secretText(description).optional(),
  urlFile: secretFile('url').optional(),
});

const webhookSchema = section({
  kind: z.literal('webhook'),
  ...secretUrl('Where to send to: an http or https URL.'),
  method: z.enum(['POST', 'PUT']).default('POST'),
  contentType: text
    .default('application/json')
    .meta({ description: 'Of the body; decides how values are escaped.' }),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of an HTTP header'),
      secretText('Value; a Mustache template.'),
    )
    .default({})
    .meta({ description: 'Further headers. Values are Mustache templates.' }),
  body: text.optional().meta({
    description:
      'Mustache template of the body; {{kind}}, {{title}}, {{message}}, {{set}} … Default: the whole event as JSON.',
  }),
  ...common,
});

const slackSchema = section({
  kind: z.literal('slack'),
  ...secretUrl('Incoming webhook of Slack, Mattermost, Rocket.Chat or anything that takes the same message.'),
  ...common,
});

const ntfySchema = section({
  kind: z.literal('ntfy'),
  server: z.url({ protocol: /^https?$/, error: 'must be a URL such as https://ntfy.example.com' }),
  topic: secretText('The topic: whoever knows it can read along.').optional(),
  topicFile: secretFile('topic').optional(),
  token: secretText('Access token, where the server asks for one.').optional(),
  tokenFile: secretFile('token').optional(),
  ...common,
});

const emailSchema = section({
  kind: z.literal('email'),
  host: text.meta({ description: 'The mail server.' }),
  port: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .meta({ description: 'Default: 465 with tls, else 587.' }),
  security: z.enum(['starttls', 'tls', 'none']).default('starttls').meta({
    description: 'starttls refuses a server that can not; none sends in the clear: only on the same machine.',
  }),
  username: text.optional(),
  password: secretText('Password of that user.').optional(),
  passwordFile: secretFile('password').optional(),
  from: text.meta({ description: 'Sender, such as Lifeboat <backup@example.com>.' }),
  to: z.array(text).min(1, 'must name at least one recipient'),
  ...common,
});

const pingSchema = section({
  kind: z.literal('ping'),
  ...secretUrl('Base URL of a check in the way of healthchecks.io; /start and /fail are added.'),
  ...common,
});

/** One entry of `notifications`. */
export const channelSchema = z.discriminatedUnion(
  'kind',
  [webhookSchema, slackSchema, ntfySchema, emailSchema, pingSchema],
  { error: 'must be a map with a kind, which is webhook, slack, ntfy, email or ping' },
);

/** `notifications`: who is told of what, by name. */
export const notificationsSchema = z.record(name, channelSchema, {
  error: 'must be a map from a name to a channel',
});
export type NotificationsInput = z.infer<typeof notificationsSchema>;

interface ChannelCommon {
  name: string;
  on: readonly NotificationKind[];
  /** Default: whatever it concerns. */
  services?: readonly string[];
  /** How long one try may take (milliseconds). */
  timeoutMs: number;
}

export interface WebhookChannel extends ChannelCommon {
  kind: 'webhook';
  url: Secret;
  method: 'POST' | 'PUT';
  contentType: string;
  /** Mustache templates. */
  headers: Record<string, Secret>;
  /** Mustache template; default: the event as JSON. */
  body?: string;
}
export interface SlackChannel extends ChannelCommon {
  kind: 'slack';
  url: Secret;
}
export interface NtfyChannel extends ChannelCommon {
  kind: 'ntfy';
  server: string;
  topic: Secret;
  token?: Secret;
}
export interface EmailChannel extends ChannelCommon {
  kind: 'email';
  host: string;
  port: number;
  security: 'starttls' | 'tls' | 'none';
  username?: string;
  password?: Secret;
  from: string;
  to: readonly string[];
}
export interface PingChannel extends ChannelCommon {
  kind: 'ping';
  url: Secret;
}

/** Somebody to be told: typed, validated, secrets resolved. */
export type NotificationChannel = WebhookChannel | SlackChannel | NtfyChannel | EmailChannel | PingChannel;

/** What a channel is told when its `on` does not say: a ping URL wants starts and successes, people want trouble. */
export function defaultKinds(kind: NotificationChannel['kind']): readonly NotificationKind[] {
  if (kind === 'ping') return ['started', 'success', 'failure', 'partial'];
  return NOTIFICATION_KINDS.filter((k) => k !== 'started' && k !== 'success');
}

/**
 * Resolve the section into channels.
 * @param secret reads the secret at a key of an entry, from `key` or `keyFile`; undefined where neither is given.
 * @param problem is told what can not work, by path; such a channel is left out of the answer.
 */
export function channelsOf(
  input: NotificationsInput,
  secret: (path: string[], value: string | undefined, file: string | undefined) => Secret | undefined,
  problem: (path: string[], sentence: string) => void,
): NotificationChannel[] {
  const channels: NotificationChannel[] = [];
  for (const [channelName, entry] of Object.entries(input)) {
    const at = (key: string) => ['notifications', channelName, key];
    const needed = (key: string, value?: string, file?: string): Secret | undefined => {
      const found = secret(at(key), value, file);
      if (!found) problem(at(key), `is needed: give ${key} or ${key}File`);
      return found;
    };
    const url = (value?: string, file?: string): Secret | undefined => {
      const found = needed('url', value, file);
      if (found && !/^https?:\/\//.test(URL.parse(found.reveal())?.href ?? '')) {
        problem(at('url'), 'must be an http or https URL');
        return undefined;
      }
      return found;
    };
    const shared: ChannelCommon = {
      name: channelName,
      on: entry.on ?? defaultKinds(entry.kind),
      timeoutMs: entry.timeout,
      ...(entry.services && { services: entry.services }),
    };
    if (entry.kind === 'slack' || entry.kind === 'ping') {
      const where = url(entry.url, entry.urlFile);
      if (where) channels.push({ ...shared, kind: entry.kind, url: where });
    } else if (entry.kind === 'webhook') {
      const where = url(entry.url, entry.urlFile);
      const headers: Record<string, Secret> = {};
      for (const [header, value] of Object.entries(entry.headers)) {
        const found = secret(['notifications', channelName, 'headers', header], value, undefined);
        if (found) headers[header] = found;
      }
      if (where) {
        const { method, contentType, body } = entry;
        channels.push({
          ...shared,
          kind: 'webhook',
          url: where,
          method,
          contentType,
          headers,
          ...(body && { body }),
        });
      }
    } else if (entry.kind === 'ntfy') {
      const topic = needed('topic', entry.topic, entry.topicFile);
      const token = secret(at('token'), entry.token, entry.tokenFile);
      if (topic) {
        channels.push({ ...shared, kind: 'ntfy', server: entry.server, topic, ...(token && { token }) });
      }
    } else {
      const password = secret(at('password'), entry.password, entry.passwordFile);
      if (password && !entry.username) problem(at('username'), 'is needed beside a password');
      const { host, security, username, from, to } = entry;
      channels.push({
        ...shared,
        kind: 'email',
        host,
        port: entry.port ?? (security === 'tls' ? 465 : 587),
        security,
        from,
        to,
        ...(username && { username }),
        ...(password && { password }),
      });
    }
  }
  return channels;
}

/** The templates of channels, for `checkTemplates`. */
export function templatesOf(channels: readonly NotificationChannel[]): TemplateAt[] {
  return channels.flatMap((channel): TemplateAt[] => {
    if (channel.kind !== 'webhook') return [];
    const at = `notifications.${channel.name}`;
    const headers = Object.entries(channel.headers).map(
      ([header, template]): TemplateAt => ({
        where: `${at}.headers.${header}`,
        template: template.reveal(),
        place: 'header',
      }),
    );
    const { body, contentType } = channel;
    return body === undefined
      ? headers
      : [...headers, { where: `${at}.body`, template: body, place: placeOf(contentType) }];
  });
}
