import { z } from 'zod';
import { CAPTURE_MODES } from '../model/capture-mode.ts';
import { codecSchema } from './codec.ts';
import { fleetSchema } from './fleet.ts';
import { notificationsSchema } from './notifications.ts';
import { retentionSchema } from './retention-schema.ts';
import { schedulesSchema } from './schedule-schema.ts';
import { secretFile, secretText, section } from './section.ts';
import { snapshotSchema } from './snapshot.ts';
import { statusPageSchema } from './status-page.ts';
import { objectivesSchema, telemetrySchema } from './telemetry.ts';
import { address, duration, name, size } from './values.ts';

const text = z
  .string({ error: (issue) => (issue.input === undefined ? 'is missing: text is needed' : 'must be text') })
  .min(1, 'must not be empty');

/** How a container is found again, in `quiesce` and in services. */
export const containerReferenceSchema = z.union(
  [
    text,
    section({
      compose: section({ project: text, service: text }).meta({
        description: 'Compose project and service of the container, which survive its recreation.',
      }),
    }),
  ],
  { error: 'must be the name of a container, or compose: { project, service }' },
);

const neo4jSchema = section({
  kind: z.literal('neo4j'),
  container: text.optional().meta({ description: 'Name or id of the container.' }),
  compose: section({ project: text, service: text })
    .optional()
    .meta({ description: 'Instead of `container`: the compose project and service, found by their labels.' }),
  bolt: z
    .string()
    .regex(
      /^(bolt|neo4j)(\+s|\+ssc)?:\/\/[^\s@]+$/,
      'must be a bolt address such as bolt://127.0.0.1:7687 or neo4j+s://db:7687, without a login in it',
    )
    .optional()
    .meta({
      description:
        'Asked first whether the database is up. Default: health check, then published port, then its log.',
    }),
  username: text.optional().meta({ description: 'Default: neo4j, when there is a password.' }),
  password: secretText('Password of that user; without it nothing is counted in the graph.').optional(),
  passwordFile: secretFile('password').optional(),
  databases: z
    .array(text)
    .min(1, 'must name at least one database')
    .optional()
    .meta({ description: 'Default: every database of the container, `system` among them.' }),
  stopGrace: duration({ min: '10s', max: '1h' }).prefault('180s').meta({
    description:
      'How long Neo4j gets to shut down cleanly before Docker kills it. A killed one can not be dumped.',
  }),
  startTimeout: duration({ min: '10s', max: '6h' })
    .prefault('10m')
    .meta({ description: 'How long it may take to answer after its start.' }),
  mode: z
    .enum(['auto', ...CAPTURE_MODES])
    .default('auto')
    .meta({
      description:
        'How the bytes are taken. `dump`: stopped for the time of a dump. `copy`: stopped for the time of a copy. `freeze`: paused for the time of a copy, so that clients only wait; a sandbox recovers it. `snapshot`: paused for the moment of a snapshot. `online`: neither, by the own backup of Neo4j Enterprise. Each falls back to a safer one. `auto`: `online` on Neo4j Enterprise; else `copy`, and `freeze` (or `snapshot`, where one is set up) once a drill went well.',
    }),
  preCopy: z.boolean().default(true).meta({
    description:
      'In the modes `copy` and `freeze`: copy while it is in use, in up to three passes, so that within the window only what changed since is left.',
  }),
  snapshot: snapshotSchema.optional().meta({
    description:
      'For the mode `snapshot`: how the file system that holds the data directory takes one. The worker runs it, so it has to be on the host of the engine, with the rights for it.',
  }),
  differentials: section({
    fullEvery: z
      .int('must be a whole number')
      .min(2, 'must be at least 2')
      .max(100, 'must be at most 100')
      .default(7)
      .meta({ description: 'A full one again after so many backups.' }),
  })
    .optional()
    .meta({
      description:
        "For the mode `online`: keep Neo4j's own backups in a volume between runs, so that the next one fetches only what has changed. What is stored stays a whole dump each time. Default: a full one each time, and nothing is kept.",
    }),
  checkCopies: z
    .boolean()
    .default(true)
    .meta({ description: 'In every mode but `dump`: check the consistency of the copy that is dumped.' }),
});

const qdrantSchema = section({
  kind: z.literal('qdrant'),
  url: address('http://127.0.0.1:6333').optional().meta({ description: 'Base URL of the server.' }),
  urls: z
    .array(address('http://127.0.0.1:6333'))
    .min(1, 'must name at least one URL')
    .optional()
    .meta({ description: 'Instead of `url`, for a cluster: the base URL of every node.' }),
  apiKey: secretText('API key with manage access.').optional(),
  apiKeyFile: secretFile('apiKey').optional(),
  include: z
    .array(text)
    .default([])
    .meta({ description: 'Collections to protect; `*` matches any text. Default: all.' }),
  exclude: z.array(text).default([]).meta({ description: 'Collections to leave out; `*` matches any text.' }),
});

/** One entry of `services`. */
export const serviceSchema = z.discriminatedUnion('kind', [neo4jSchema, qdrantSchema], {
  error: 'must be a map with a kind, which is neo4j or qdrant',
});

const directorySchema = section({
  kind: z.literal('directory'),
  path: z
    .string()
    .startsWith('/', 'must be an absolute path')
    .meta({ description: 'Absolute path of an existing folder.' }),
  mountpoint: z.boolean({ error: 'must be true or false' }).default(false).meta({
    description:
      'Whether a disk or share has to be mounted at `path` itself. Without it, a disk that is not mounted is taken for a new, empty repository, and sets fill the disk below it.',
  }),
});

const s3Schema = section({
  kind: z.literal('s3'),
  bucket: z.string().min(3, 'must be the name of a bucket (at least 3 letters)'),
  prefix: z.string().default('').meta({ description: 'Folder in the bucket. Default: its root.' }),
  region: text.default('us-east-1'),
  endpoint: address('https://s3.example.com')
    .optional()
    .meta({ description: 'Address of an S3-compatible server. Default: AWS.' }),
  pathStyle: z.boolean({ error: 'must be true or false' }).optional().meta({
    description: 'Bucket in the path instead of the host name. Default: true with an endpoint, else false.',
  }),
  accessKeyId: secretText('Default: what the AWS SDK finds by itself.').optional(),
  accessKeyIdFile: secretFile('accessKeyId').optional(),
  secretAccessKey: secretText('Belongs to accessKeyId.').optional(),
  secretAccessKeyFile: secretFile('secretAccessKey').optional(),
  sessionToken: secretText('Of temporary credentials.').optional(),
  sessionTokenFile: secretFile('sessionToken').optional(),
  storageClass: text.optional().meta({ description: 'For example STANDARD_IA. Default: the bucket’s.' }),
  sse: section({
    algorithm: z.enum(['AES256', 'aws:kms']),
    keyId: text.optional().meta({ description: 'With aws:kms. Default: the account’s key.' }),
  })
    .optional()
    .meta({ description: 'Encryption by the store itself.' }),
  objectLock: section({
    mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
    days: z.number().int().min(1, 'must be at least 1 day').max(36_500),
  })
    .optional()
    .meta({ description: 'Object Lock retention of every object from its write on.' }),
  partSize: size({ min: '5MiB', max: '5GiB' }).prefault('16MiB').meta({
    description: 'Size of one part of an upload; grows for artifacts that would need over 10,000 parts.',
  }),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(32)
    .default(4)
    .meta({ description: 'Parts sent at the same time.' }),
});

const gcsSchema = section({
  kind: z.literal('gcs'),
  bucket: z.string().min(3, 'must be the name of a bucket (at least 3 letters)'),
  prefix: z.string().default('').meta({ description: 'Folder in the bucket. Default: its root.' }),
  endpoint: address('https://storage.example.com').optional().meta({ description: 'Default: Google’s.' }),
  credentials: secretText('JSON key of a service account. Default: what Google’s client finds.').optional(),
  credentialsFile: secretFile('credentials').optional(),
});

/** One entry of `repositories`. */
export const repositorySchema = z.discriminatedUnion('kind', [directorySchema, s3Schema, gcsSchema], {
  error: 'must be a map with a kind, which is directory, s3 or gcs',
});

/** `encryption`. */
export const encryptionSchema = section({
  recipients: z
    .array(
      z
        .string()
        .regex(
          /^age1[023456789ac-hj-np-z]{10,}$/i,
          'must be an age public key: age1 and the letters that age-keygen printed',
        ),
    )
    .default([])
    .meta({ description: 'age public keys that can read what is stored.' }),
  passphrase: secretText('Instead of recipients: whoever knows it can read what is stored.').optional(),
  passphraseFile: secretFile('passphrase').optional(),
  identities: z.array(secretText('age identity (AGE-SECRET-KEY-1…).')).default([]).meta({
    description:
      'Secret keys; needed only where sets are restored, drilled or verified in depth. As variables.',
  }),
  identityFile: z.string().min(1).optional().meta({ description: 'A file of age-keygen with identities.' }),
  identityFiles: z.array(z.string().min(1)).optional().meta({ description: 'Several of them.' }),
});

/** `temporal`: what the TEMPORAL_* variables and the profile of Temporal’s own configuration do not say. */
export const temporalSchema = section({
  address: z
    .string()
    .regex(/^[^\s/:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i, 'must be host:port, such as 127.0.0.1:7233')
    .optional()
    .meta({ description: 'Default: 127.0.0.1:7233. TEMPORAL_ADDRESS and the profile come first.' }),
  namespace: text.optional().meta({ description: 'Default: default. TEMPORAL_NAMESPACE comes first.' }),
  taskQueue: text.default('lifeboat').meta({ description: 'The task queue that the worker serves.' }),
  profile: text.optional().meta({
    description:
      'Profile of Temporal’s own configuration file (TLS, API key). Default: TEMPORAL_PROFILE or default.',
  }),
  codec: codecSchema.optional().meta({
    description:
      'Encrypt what passes through Temporal: inputs, results, heartbeats, failures’ messages. Default: in clear. See [security](security.md#the-payload-codec).',
  }),
});

/** The whole file. A further section is one more key here and one more line in `build.ts`. */
export const fileSchema = section({
  services: z
    .record(name, serviceSchema, { error: 'must be a map from a name to a service' })
    .default({})
    .meta({ description: 'The databases to protect, by name. Container labels can add more.' }),
  repositories: z
    .record(name, repositorySchema, { error: 'must be a map from a name to a repository' })
    .default({})
    .meta({
      description:
        'Where sets are kept, by name; needed, but for a worker that has only a fleet. The first one is the primary, the others get copies.',
    }),
  encryption: encryptionSchema.optional().meta({ description: 'Encrypt what is stored, for age.' }),
  consistent: z.boolean({ error: 'must be true or false' }).default(false).meta({
    description: 'Take all captures of a set while nobody can write: `true` or `false`. Default: `false`.',
  }),
  quiesce: z.array(containerReferenceSchema).default([]).meta({
    description:
      'Containers of the application that are paused for consistent captures: a list of names, or of `compose: { project, service }`.',
  }),
  retention: retentionSchema.optional().meta({ description: 'Which sets stay. Without it every set stays.' }),
  schedules: schedulesSchema.default({}).meta({ description: 'What runs by itself, by name.' }),
  notifications: notificationsSchema.default({}).meta({ description: 'Who is told of what, by name.' }),
  objectives: objectivesSchema.optional().meta({ description: 'What is promised: how old, how fast.' }),
  telemetry: telemetrySchema.optional().meta({ description: 'Metrics, health and log lines.' }),
  statusPage: statusPageSchema.optional().meta({ description: 'A page for a glance. Read only.' }),
  temporal: temporalSchema.optional().meta({ description: 'The Temporal server.' }),
  host: name.optional().meta({
    description:
      'The name of this host in a fleet: its worker serves the task queue `lifeboat@<host>`. Default: the host is alone.',
  }),
  fleet: fleetSchema.optional().meta({
    description: 'Hosts that this worker backs up together, each by a worker of its own: docs/fleet.md.',
  }),
});

/** The file as it was written, with durations and sizes read. */
export type ConfigFile = z.infer<typeof fileSchema>;
