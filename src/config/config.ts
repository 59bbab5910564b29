import type { CaptureMode } from '../model/capture-mode.ts';
import type { KeepRules, RetentionPolicy } from '../model/retention/policy.ts';
import type { DeclaredSchedule } from '../model/schedule.ts';
import type { CodecConfig } from './codec.ts';
import type { FleetConfig } from './fleet.ts';
import type { NotificationChannel } from './notifications.ts';
import type { Secret } from './secret.ts';
import type { SnapshotConfig } from './snapshot.ts';
import type { StatusPageConfig } from './status-page.ts';
import type { Objectives, TelemetryConfig } from './telemetry.ts';

/** How to find a container again, also after it was recreated. */
export type ContainerReference = { container: string } | { compose: { project: string; service: string } };

/** A Neo4j container to protect. */
export interface Neo4jService {
  kind: 'neo4j';
  name: string;
  target: ContainerReference;
  /** Asked first whether the database is up; default: the container's health check, then its published port, then its log. */
  bolt?: string;
  username?: string;
  password?: Secret;
  /** Default: every database of the container, `system` among them. */
  databases?: string[];
  /** How long Neo4j gets to shut down cleanly before Docker kills it (seconds). Default 180. */
  stopGraceSeconds: number;
  /** How long it may take to answer after its start before that counts as a failure (seconds). Default 600. */
  startTimeoutSeconds: number;
  /** How the bytes are taken. Default `auto`. */
  mode: 'auto' | CaptureMode;
  /** In the modes `copy` and `freeze`: copy before the window too, in up to three passes, so that within it only what changed is left. Default true. */
  preCopy: boolean;
  /** For the mode `snapshot`; absent: that mode is not to be had. */
  snapshot?: SnapshotConfig;
  /** In the mode `online`: keep Neo4j's own backups between runs, so that the next one fetches only what has changed. Default: a full one each time. */
  differentials?: { fullEvery: number };
  /** In every mode but `dump`: check the consistency of the copy that the dump is made of. Default true. */
  checkCopies: boolean;
}

/** A Qdrant server to protect. */
export interface QdrantService {
  kind: 'qdrant';
  name: string;
  /** Base URLs; one for a single server, one for each node of a cluster. */
  urls: string[];
  apiKey?: Secret;
  /** Patterns with `*`; default all. */
  include: string[];
  exclude: string[];
}

export type Service = Neo4jService | QdrantService;

export interface DirectoryRepository {
  kind: 'directory';
  name: string;
  path: string;
  /** Whether a disk has to be mounted at `path`. Default: false. */
  mountpoint?: boolean;
}

export interface S3Repository {
  kind: 's3';
  name: string;
  bucket: string;
  prefix: string;
  region: string;
  /** Default: AWS. */
  endpoint?: string;
  /** Bucket in the path instead of the host name. Default: true with an endpoint, else false. */
  pathStyle: boolean;
  /** Default: what the AWS SDK finds by itself. */
  accessKeyId?: Secret;
  secretAccessKey?: Secret;
  sessionToken?: Secret;
  storageClass?: string;
  sse?: { algorithm: 'AES256' | 'aws:kms'; keyId?: string };
  /** Object Lock retention of every object, from its write on. */
  objectLock?: { mode: 'GOVERNANCE' | 'COMPLIANCE'; days: number };
  /** Bytes. Default 16 MiB; grows for artifacts that would need more than 10,000 parts. */
  partBytes: number;
  /** Parts sent at the same time. Default 4. */
  concurrency: number;
}

export interface GcsRepository {
  kind: 'gcs';
  name: string;
  bucket: string;
  prefix: string;
  /** Default: Google's. */
  endpoint?: string;
  /** JSON of a service account's key; default: what Google's client finds by itself. */
  credentials?: Secret;
}

export type RepositoryConfig = DirectoryRepository | S3Repository | GcsRepository;

/** Who can read what is stored. */
export interface Encryption {
  /** age public keys (`age1…`). */
  recipients: string[];
  passphrase?: Secret;
  /** age identities (`AGE-SECRET-KEY-1…`); only where sets are restored, drilled or verified in depth. */
  identities: Secret[];
}

/** Which sets stay: the general policy, and what replaces parts of it in single repositories. */
export interface Retention {
  policy: RetentionPolicy;
  repositories: Record<string, KeepRules & Partial<Pick<RetentionPolicy, 'minimum' | 'maxTotalBytes'>>>;
}

/** Everything that a worker needs to know: typed, validated, secrets resolved. */
export interface Config {
  services: Service[];
  /** In order; the first one is the primary. */
  repositories: RepositoryConfig[];
  encryption?: Encryption;
  /** Take all captures of a set while nobody can write. Default false. */
  consistent: boolean;
  /** Containers (the application) that are paused for the consistent captures. */
  quiesce: ContainerReference[];
  /** Absent: nothing ever expires. */
  retention?: Retention;
  /** What runs by itself; the default watchdog is among them. */
  schedules: DeclaredSchedule[];
  notifications: NotificationChannel[];
  objectives: Objectives;
  telemetry: TelemetryConfig;
  statusPage: StatusPageConfig;
  /** `profile`: of Temporal's own configuration file; see `temporalConnection`. */
  temporal: {
    address: string;
    namespace: string;
    taskQueue: string;
    profile?: string;
    /** Absent: what passes through Temporal is in clear. */
    codec?: CodecConfig;
  };
  /** Other hosts that this worker asks for their backups. */
  fleet?: FleetConfig;
  /** The file that it was read from. */
  file?: string;
}
