import { z } from 'zod';
import { NOTIFICATION_KINDS, type NotificationKind } from '../model/notification.ts';
import { checkTemplates, placeOf, type TemplateAt } from '../model/notification-template.ts';
import type { Problem } from './problems.ts';
import { Secret } from './secret.ts';
import type { SecretFiles } from './secret-files.ts';
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
    .meta({
      description:
        'Which kinds this channel is told. Default: every kind but success; for ping: success, failure and partial.',
    }),
  services: z
    .array(name)
    .min(1, 'must name at least one service')
    .optional()
    .meta({ description: 'Only what concerns one of these services. Default: all.' }),
  timeout: duration({ min: '1s', max: '1m' }).default(10_000).meta({
    description:
      'How long one try may take. Default: 10s. It is tried again for an hour, and never fails a backup.',
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
  ...secretUrl('Base URL of a check in the way of healthchecks.io; /fail is added for trouble.'),
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
  if (kind === 'ping') return ['success', 'failure', 'partial'];
  return NOTIFICATION_KINDS.filter((k) => k !== 'success');
}

/** `notifications` → channels. A channel that can not work is left out, and the problems say why; so do templates. */
export function buildNotifications(
  file: NotificationsInput,
  secrets: SecretFiles,
  problems: Problem[],
): NotificationChannel[] {
  const channels = Object.entries(file).flatMap(
    ([channel, entry]) => buildChannel(channel, entry, secrets, problems) ?? [],
  );
  for (const { path, problem } of checkTemplates(templatesOf(channels))) {
    problems.push({ path, message: `the template ${problem}` });
  }
  return channels;
}

function buildChannel(
  channel: string,
  entry: NotificationsInput[string],
  secrets: SecretFiles,
  problems: Problem[],
): NotificationChannel | undefined {
  const problem = (key: string, message: string) =>
    void problems.push({ path: ['notifications', channel, key], message });
  const needed = (key: string): Secret | undefined => {
    const found = secrets.secret(entry, key);
    // A file that is named and can't be read is a problem already.
    if (!found && !(`${key}File` in entry)) problem(key, `is missing: give ${key} or ${key}File`);
    return found;
  };
  const shared: ChannelCommon = {
    name: channel,
    on: entry.on ?? defaultKinds(entry.kind),
    timeoutMs: entry.timeout,
    ...(entry.services && { services: entry.services }),
  };
  if (entry.kind === 'ntfy') {
    const topic = needed('topic');
    const token = secrets.secret(entry, 'token');
    return topic && { ...shared, kind: 'ntfy', server: entry.server, topic, ...(token && { token }) };
  }
  if (entry.kind === 'email') {
    const { host, security, username, from, to } = entry;
    const password = secrets.secret(entry, 'password');
    if (password && !username) problem('username', 'is missing: it belongs to the password');
    const port = entry.port ?? (security === 'tls' ? 465 : 587);
    const login = { ...(username && { username }), ...(password && { password }) };
    return { ...shared, kind: 'email', host, port, security, from, to, ...login };
  }
  const url = needed('url');
  if (!url) return undefined;
  if (!/^https?:/.test(URL.parse(url.reveal())?.href ?? '')) {
    problem('url', 'must be an http or https URL');
    return undefined;
  }
  if (entry.kind !== 'webhook') return { ...shared, kind: entry.kind, url };
  const { method, contentType, body } = entry;
  const headers = Object.fromEntries(
    Object.entries(entry.headers).map(([header, value]) => [header, new Secret(value)]),
  );
  return { ...shared, kind: 'webhook', url, method, contentType, headers, ...(body && { body }) };
}

/** The templates of channels, for `checkTemplates`. */
export function templatesOf(channels: readonly NotificationChannel[]): TemplateAt[] {
  return channels.flatMap((channel): TemplateAt[] => {
    if (channel.kind !== 'webhook') return [];
    const at = ['notifications', channel.name];
    const headers = Object.entries(channel.headers).map(
      ([header, template]): TemplateAt => ({
        path: [...at, 'headers', header],
        template: template.reveal(),
        place: 'header',
      }),
    );
    const { body, contentType } = channel;
    if (body === undefined) return headers;
    return [...headers, { path: [...at, 'body'], template: body, place: placeOf(contentType) }];
  });
}
