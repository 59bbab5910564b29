import { hostQueue, TASK_QUEUE } from '../model/names.ts';
import type { Calendar, DeclaredSchedule } from '../model/schedule.ts';
import { buildCodec } from './codec.ts';
import type {
  Config,
  ContainerReference,
  Encryption,
  GcsRepository,
  RepositoryConfig,
  S3Repository,
  Service,
} from './config.ts';
import { buildNotifications } from './notifications.ts';
import type { Problem } from './problems.ts';
import { buildRetention } from './retention.ts';
import type { ScheduleInput } from './schedule-schema.ts';
import { defaultCatchupWindow } from './schedule-times.ts';
import type { ConfigFile } from './schema.ts';
import { Secret } from './secret.ts';
import type { SecretFiles } from './secret-files.ts';
import { buildSnapshot } from './snapshot.ts';
import { buildStatusPage, statusPageSchema } from './status-page.ts';
import { buildObjectives, buildTelemetry, objectivesSchema, telemetrySchema } from './telemetry.ts';

/** A file that passed every check → the typed configuration. Problems that only the content of secrets shows are added. */
export function buildConfig(file: ConfigFile, secrets: SecretFiles, problems: Problem[]): Config {
  const encryption = file.encryption && buildEncryption(file.encryption, secrets, problems);
  const retention = file.retention && buildRetention(file.retention);
  const codec = file.temporal?.codec && buildCodec(file.temporal.codec, secrets, problems);
  return {
    services: Object.entries(file.services).map(([name, service]) => buildService(name, service, secrets)),
    repositories: Object.entries(file.repositories).map(([name, repository]) =>
      buildRepository(name, repository, secrets),
    ),
    ...(encryption && { encryption }),
    consistent: file.consistent,
    quiesce: file.quiesce.map(
      (reference): ContainerReference =>
        typeof reference === 'string' ? { container: reference } : reference,
    ),
    ...(retention && { retention }),
    schedules: buildSchedules(file.schedules),
    ...buildWatching(file, secrets, problems),
    temporal: {
      address: file.temporal?.address ?? '127.0.0.1:7233',
      namespace: file.temporal?.namespace ?? 'default',
      taskQueue: file.host === undefined ? (file.temporal?.taskQueue ?? TASK_QUEUE) : hostQueue(file.host),
      ...(file.temporal?.profile !== undefined && { profile: file.temporal.profile }),
      ...(codec && { codec }),
    },
    ...(file.fleet && { fleet: file.fleet }),
  };
}

/** The sections that look after the rest: who is told, what is promised, what is shown. */
function buildWatching(
  file: ConfigFile,
  secrets: SecretFiles,
  problems: Problem[],
): Pick<Config, 'notifications' | 'objectives' | 'telemetry' | 'statusPage'> {
  return {
    notifications: buildNotifications(file.notifications, secrets, problems),
    objectives: buildObjectives(file.objectives ?? objectivesSchema.parse({})),
    telemetry: buildTelemetry(file.telemetry ?? telemetrySchema.parse({})),
    statusPage: buildStatusPage(file.statusPage ?? statusPageSchema.parse({}), secrets, problems),
  };
}

type ServiceFile = ConfigFile['services'][string];

/** One service, from the file or from labels. */
export function buildService(name: string, service: ServiceFile, secrets: SecretFiles): Service {
  if (service.kind === 'qdrant') {
    const apiKey = secrets.secret(service, 'apiKey');
    return {
      kind: 'qdrant',
      name,
      urls: (service.urls ?? [service.url as string]).map((url) => url.replace(/\/+$/, '')),
      ...(apiKey && { apiKey }),
      include: service.include,
      exclude: service.exclude,
    };
  }
  const password = secrets.secret(service, 'password');
  const username = service.username ?? (password ? 'neo4j' : undefined);
  return {
    kind: 'neo4j',
    name,
    target: service.compose ? { compose: service.compose } : { container: service.container as string },
    ...(service.bolt !== undefined && { bolt: service.bolt }),
    ...(username !== undefined && { username }),
    ...(password && { password }),
    ...(service.databases && { databases: service.databases }),
    stopGraceSeconds: Math.round(service.stopGrace / 1000),
    startTimeoutSeconds: Math.round(service.startTimeout / 1000),
    mode: service.mode,
    preCopy: service.preCopy,
    ...(service.snapshot && { snapshot: buildSnapshot(service.snapshot) }),
    ...(service.differentials && { differentials: service.differentials }),
    checkCopies: service.checkCopies,
  };
}

type RepositoryFile = ConfigFile['repositories'][string];
const trimSlashes = (prefix: string): string => prefix.replace(/^\/+|\/+$/g, '');

function buildRepository(name: string, file: RepositoryFile, secrets: SecretFiles): RepositoryConfig {
  if (file.kind === 'directory') {
    return { kind: 'directory', name, path: file.path, ...(file.mountpoint && { mountpoint: true }) };
  }
  if (file.kind === 'gcs') {
    const credentials = secrets.secret(file, 'credentials');
    return {
      kind: 'gcs',
      name,
      bucket: file.bucket,
      prefix: trimSlashes(file.prefix),
      ...(file.endpoint !== undefined && { endpoint: file.endpoint }),
      ...(credentials && { credentials }),
    } satisfies GcsRepository;
  }
  const accessKeyId = secrets.secret(file, 'accessKeyId');
  const secretAccessKey = secrets.secret(file, 'secretAccessKey');
  const sessionToken = secrets.secret(file, 'sessionToken');
  const { algorithm, keyId } = file.sse ?? {};
  return {
    kind: 's3',
    name,
    bucket: file.bucket,
    prefix: trimSlashes(file.prefix),
    region: file.region,
    ...(file.endpoint !== undefined && { endpoint: file.endpoint }),
    pathStyle: file.pathStyle ?? file.endpoint !== undefined,
    ...(accessKeyId && { accessKeyId }),
    ...(secretAccessKey && { secretAccessKey }),
    ...(sessionToken && { sessionToken }),
    ...(file.storageClass !== undefined && { storageClass: file.storageClass }),
    ...(algorithm && { sse: { algorithm, ...(keyId !== undefined && { keyId }) } }),
    ...(file.objectLock && { objectLock: file.objectLock }),
    partBytes: file.partSize,
    concurrency: file.concurrency,
  } satisfies S3Repository;
}

const IDENTITY = /^AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]+$/i;

function buildEncryption(
  file: NonNullable<ConfigFile['encryption']>,
  secrets: SecretFiles,
  problems: Problem[],
): Encryption {
  const passphrase = secrets.secret(file, 'passphrase');
  const files = [
    ...(file.identityFile === undefined ? [] : [file.identityFile]),
    ...(file.identityFiles ?? []),
  ];
  // Like age's own identity files: one key a line, comments after #.
  const fromFiles = files.flatMap((path) =>
    (secrets.content(path) ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  if (!file.identities.every((identity) => IDENTITY.test(identity))) {
    problems.push({
      path: ['encryption', 'identities'],
      message: 'has a line that is no age identity (AGE-SECRET-KEY-1…)',
    });
  }
  if (!fromFiles.every((identity) => IDENTITY.test(identity))) {
    const key = file.identityFile === undefined ? 'identityFiles' : 'identityFile';
    problems.push({
      path: ['encryption', key],
      message: 'has a line that is no age identity (AGE-SECRET-KEY-1…)',
    });
  }
  return {
    recipients: file.recipients,
    ...(passphrase && { passphrase }),
    identities: [...file.identities, ...fromFiles].map((identity) => new Secret(identity)),
  };
}

function buildSchedules(declared: Record<string, ScheduleInput>): DeclaredSchedule[] {
  const schedules = Object.entries(declared)
    .filter(([, schedule]) => schedule.enabled)
    .map(([name, schedule]) => buildSchedule(name, schedule));
  const watched =
    declared.watchdog !== undefined || schedules.some((schedule) => schedule.workflow === 'watchdog');
  return watched ? schedules : [...schedules, DEFAULT_WATCHDOG];
}

/** What is stopped and owned by nobody is found within a minute, unless the file says otherwise. */
const DEFAULT_WATCHDOG: DeclaredSchedule = {
  name: 'watchdog',
  workflow: 'watchdog',
  input: {},
  every: 60_000,
  timezone: 'UTC',
  jitter: 0,
  overlap: 'skip',
  catchupWindow: 60_000,
  paused: false,
};

function buildSchedule(name: string, schedule: ScheduleInput): DeclaredSchedule {
  const timezone = schedule.timezone ?? 'UTC';
  const timing = {
    ...(schedule.cron !== undefined && { cron: [schedule.cron].flat() }),
    ...(schedule.calendar !== undefined && { calendar: [schedule.calendar].flat() as Calendar[] }),
    ...(schedule.every !== undefined && { every: schedule.every }),
  };
  return {
    name,
    workflow: schedule.workflow ?? (name as DeclaredSchedule['workflow']),
    input: schedule.input,
    ...timing,
    timezone,
    jitter: schedule.jitter ?? 0,
    overlap: schedule.overlap,
    catchupWindow: schedule.catchupWindow ?? defaultCatchupWindow(timing, timezone),
    paused: schedule.paused,
  };
}
