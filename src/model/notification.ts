/**
 * What people can be told of. `success` is for ping URLs and chatty channels; `recovered` is the first
 * success after a run that was not; `stale` means that a service's last good set is older than its objective.
 */
export const NOTIFICATION_KINDS = [
  'success',
  'failure',
  'partial',
  'recovered',
  'drill-failed',
  'stale',
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** One thing that people are told. Small, plain, and without secrets once it went through {@link redactNotification}. */
export interface NotificationEvent {
  kind: NotificationKind;
  /** The workflow type that it is about: backup, drill, verify, … */
  operation: string;
  /** Never empty: the services that it concerns. */
  services: string[];
  /** One or two full sentences. */
  message: string;
  /** When it became true (ISO 8601). */
  at: string;
  set?: string;
  workflowId?: string;
  runId?: string;
  startedAt?: string;
  finishedAt?: string;
  /** What failed, by service. */
  failures?: { service: string; type: string; message: string }[];
  /** Bytes of the set. */
  bytes?: number;
}

/** How a run ended. */
export interface RunOutcome {
  operation: string;
  outcome: 'ok' | 'partial' | 'failed';
  services: string[];
  /** Into which the run copied; absent where that tells no two runs apart. */
  repositories?: string[];
  finishedAt: string;
  startedAt?: string;
  set?: string;
  workflowId?: string;
  runId?: string;
  /** A sentence on what happened; default: made from the rest. */
  message?: string;
  failures?: { service: string; type: string; message: string }[];
  bytes?: number;
}

const TITLES: Record<NotificationKind, string> = {
  success: 'done',
  failure: 'FAILED',
  partial: 'is only partly done',
  recovered: 'works again',
  'drill-failed': 'FAILED',
  stale: 'is overdue',
};

/** A headline for people: `backup of graph, vectors FAILED`. */
export function titleOf(event: NotificationEvent): string {
  const operation = event.kind === 'drill-failed' ? 'restore drill' : event.operation;
  return `${operation} of ${event.services.join(', ')} ${TITLES[event.kind]}`;
}

/** Whether somebody should look at it. */
export const isTrouble = (kind: NotificationKind): boolean =>
  kind === 'failure' || kind === 'partial' || kind === 'drill-failed' || kind === 'stale';

function messageFor(kind: NotificationKind, run: RunOutcome): string {
  const what = `The ${run.operation} of ${run.services.join(', ')}`;
  if (kind === 'recovered') return `${what} succeeded again; the one before it had not.`;
  if (run.message) return run.message;
  if (kind === 'success') return `${what} succeeded${run.set ? `: set ${run.set}` : ''}.`;
  const first = run.failures?.[0];
  const why = first ? ` ${first.service}: ${first.message}` : '';
  return kind === 'partial' ? `${what} is incomplete.${why}` : `${what} failed.${why}`;
}

/**
 * What people are told of a run that ended.
 * @param previous how the run of the same operation and services before it ended; null when there was none, or nobody knows.
 */
export function notificationsFor(
  previous: Pick<RunOutcome, 'outcome'> | null,
  current: RunOutcome,
): NotificationEvent[] {
  const { outcome, message: _message, repositories: _repositories, finishedAt, ...facts } = current;
  const event = (kind: NotificationKind): NotificationEvent => ({
    ...facts,
    kind,
    finishedAt,
    at: finishedAt,
    message: messageFor(kind, current),
  });
  if (outcome === 'failed') return [event(current.operation === 'drill' ? 'drill-failed' : 'failure')];
  if (outcome === 'partial') return [event('partial')];
  const recovered = previous !== null && previous.outcome !== 'ok';
  return recovered ? [event('success'), event('recovered')] : [event('success')];
}

/** What a check for staleness goes by; times in milliseconds since 1970, spans in milliseconds. */
export interface StalenessQuestion {
  service: string;
  /** When the data of the last good set was taken; null when there is no good set. */
  lastGoodAt: number | null;
  limitMs: number;
  /** A stale service is told of again after this long. */
  remindMs: number;
  now: number;
  /** When this was asked before; null the first time. */
  previousCheckAt: number | null;
}

/**
 * Tell of a service whose last good set is older than its objective: once when it becomes so, then once a reminder span.
 * Nothing is remembered between the checks but the time of the one before.
 */
export function staleNotification(question: StalenessQuestion): NotificationEvent | null {
  const { service, lastGoodAt, limitMs, remindMs, now, previousCheckAt } = question;
  const told = (at: number | null): number => {
    if (at === null) return 0;
    const over = at - (lastGoodAt ?? 0) - limitMs;
    return over < 0 ? 0 : 1 + Math.floor(over / remindMs);
  };
  if (told(now) <= told(previousCheckAt)) return null;
  const message =
    lastGoodAt === null
      ? `There is no good set of ${service} at all, and its objective is one every ${hours(limitMs)}.`
      : `The last good set of ${service} is ${hours(now - lastGoodAt)} old, and its objective is ${hours(limitMs)}.`;
  return {
    kind: 'stale',
    operation: 'backup',
    services: [service],
    message,
    at: new Date(now).toISOString(),
  };
}

function hours(span: number): string {
  if (span < 2 * 3_600_000) return `${Math.round(span / 60_000)} minutes`;
  if (span < 72 * 3_600_000) return `${Math.round(span / 3_600_000)} hours`;
  return `${Math.round(span / 86_400_000)} days`;
}

/** The channels that want an event: by its kind and by the services that it concerns. */
export function channelsFor<
  Channel extends { on: readonly NotificationKind[]; services?: readonly string[] },
>(event: NotificationEvent, channels: readonly Channel[]): Channel[] {
  return channels.filter(
    (channel) =>
      channel.on.includes(event.kind) &&
      (!channel.services || event.services.some((service) => channel.services?.includes(service))),
  );
}

/** Text longer than this is cut (characters): a chat is not a log. */
export const MESSAGE_MAX = 2000;

// Shapes of secrets that may stand in the message of somebody else's error. Bounded, so that a long text costs no time.
const SECRET_SHAPES: [RegExp, string][] = [
  [/AGE-SECRET-KEY-1[A-Z0-9]+/gi, '[secret]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[secret]'],
  [/\b(A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}\b/g, '[secret]'],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/._~=-]{6,}/gi, '$1 [secret]'],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@:]*:[^\s@]*@/gi, '$1[secret]@'],
  [
    /([?&](?:[\w-]{0,40}(?:token|secret|signature|password|credential|key)[\w-]{0,40}|sig)=)[^\s&"'<>]+/gi,
    '$1[secret]',
  ],
  [
    /\b((?:api[-_]?key|password|passwd|passphrase|secret|token|authorization)["']?\s*[:=]\s*["']?)(?!\[secret\])[^\s"',;}]+/gi,
    '$1[secret]',
  ],
  [/(https?:\/\/hooks\.[^\s/]+\/)\S+/gi, '$1[secret]'],
];

/** A text without the given secrets, nor anything that has the shape of one. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  // Longest first: a secret may be part of another one.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length >= 4) clean = clean.replaceAll(secret, '[secret]');
  }
  for (const [shape, instead] of SECRET_SHAPES) clean = clean.replace(shape, instead);
  return clean;
}

/** Characters that would break a line, a header or a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f\u0085\u2028\u2029]/g;

function plain(text: string, secrets: readonly string[]): string {
  const clean = redactText(text, secrets).replace(CONTROL, ' ');
  return clean.length > MESSAGE_MAX ? `${clean.slice(0, MESSAGE_MAX - 1)}…` : clean;
}

/** The event as it may leave the house: without secrets, without control characters, of bounded length. */
export function redactNotification(
  event: NotificationEvent,
  secrets: readonly string[] = [],
): NotificationEvent {
  const clean = <T>(value: T): T => {
    if (typeof value === 'string') return plain(value, secrets) as T;
    if (Array.isArray(value)) return value.slice(0, 100).map(clean) as T;
    if (value !== null && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)])) as T;
    }
    return value;
  };
  return { ...clean(event), kind: event.kind };
}

/** One event of a kind as it could be, for checking templates and for a test message. */
export function sampleNotification(kind: NotificationKind): NotificationEvent {
  return {
    kind,
    operation: kind === 'drill-failed' ? 'drill' : 'backup',
    services: ['graph', 'vectors'],
    message: `A sample of "${kind}" with "quotes", a \\ and <angles> & ünïcode.\nAnd a second line.`,
    at: '2026-01-02T03:04:05.000Z',
    set: '20260102T030000Z-a1b2c3',
    workflowId: 'backup',
    runId: '0190b2a4-0000-7000-8000-000000000000',
    startedAt: '2026-01-02T03:00:00.000Z',
    finishedAt: '2026-01-02T03:04:05.000Z',
    failures: [{ service: 'vectors', type: 'QdrantUnreachable', message: 'A sample.' }],
    bytes: 123_456_789,
  };
}
