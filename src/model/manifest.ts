import { z } from 'zod';
import { CAPTURE_MODES } from './capture-mode.ts';
import { LifeboatError } from './failures.ts';
import { listOf, mapOf } from './first-fault.ts';
import { whyNotParsed } from './modest-json.ts';
import { printable, shortened } from './printable.ts';

/** The newest manifest format that this version reads and the one that it writes. */
export const MANIFEST_FORMAT = 1;

/** A manifest larger than this is refused unread (bytes): the largest honest one, 10,000 artifacts, is under 10 MB. */
export const MANIFEST_MAX_BYTES = 32 * 1024 * 1024;

const time = z.iso
  .datetime({ offset: true })
  .max(64)
  .refine((text) => Number.isFinite(Date.parse(text)), 'must be a time that there is');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hexadecimal');
const count = z.number().int().nonnegative();
/** Seconds that something took; 31 years are enough, and no sum of them is infinite. */
const seconds = z.number().nonnegative().max(1e9);
/** A text that is only ever shown: cut where it is long, and without what a terminal would obey. */
const shown = z.string().transform((text) => shortened(printable(text), 4096));

/** The name of a collection, alias or node: whole Unicode, and no part of a path that leads elsewhere. */
const objectName = z
  .string()
  .min(1)
  .max(2048)
  .refine((name) => name !== '.' && name !== '..' && !name.includes('\0') && name.isWellFormed(), {
    message: 'must be well-formed text, and neither "." nor ".."',
  });

/**
 * The name of a Neo4j database. It becomes a file's name and a word of a command: Neo4j itself allows letters, digits, dots and dashes
 * (Operations Manual, "Administrative commands"), and older versions underscores.
 */
export const databaseName = z
  .string()
  .max(255)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]*$/,
    'must be a name of letters, digits and . _ - that begins with no dot or dash',
  );

/** One word that becomes part of a key: no separators, no leading dot, so it can not leave its folder. */
export const keyWord = z
  .string()
  .min(1)
  .max(255)
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._@+=-]*$/,
    'must be made of letters, digits and . _ @ + = - and not begin with a dot',
  );

/** A key relative to the repository's root: words joined by `/`, none of them `.` or `..`. */
export const repositoryKey = z
  .string()
  .max(1024)
  .refine((key) => key.split('/').every((word) => keyWord.safeParse(word).success), {
    message: 'must be a relative key without empty, "." or ".." parts',
  });

/** An artifact: one file of a set. Sizes are in bytes. */
export const artifactSchema = z
  .object({
    service: keyWord,
    kind: z.enum(['neo4j-dump', 'qdrant-snapshot']),
    /** The database or collection that it holds. */
    name: objectName,
    /** The node of a Qdrant cluster that it was taken from; absent for a single node. */
    node: objectName.optional(),
    /** Where it is, relative to the repository's root. */
    path: repositoryKey,
    /** What is stored, after compression and encryption. */
    stored: z.object({ bytes: count, sha256 }),
    /** What the database's own tools read: after decryption and decompression. */
    content: z.object({ bytes: count, sha256 }),
    compression: z.enum(['none', 'zstd']),
    encryption: z.enum(['none', 'age']),
    capturedAt: time,
    /** Files in the archive and the bytes that they unpack to. */
    archive: z.object({ files: count, bytes: count }).optional(),
    /** The checksum that Qdrant itself gave; null where the server gives none (before 1.8, or snapshots kept in S3). */
    serverChecksum: shown.nullable().optional(),
  })
  .refine(({ kind, name }) => kind !== 'neo4j-dump' || databaseName.safeParse(name).success, {
    message: 'must be the name of a Neo4j database: letters, digits and . _ - that begin with no dot or dash',
    path: ['name'],
  });
export type Artifact = z.infer<typeof artifactSchema>;

/** What an artifact unpacks to (bytes); where its manifest does not say, a guess on the safe side. */
export const unpackedBytes = ({ archive, content }: Artifact): number => archive?.bytes ?? content.bytes * 4;

/** What a graph looked like when it was captured: what a restore or drill is compared with. */
export const graphFactsSchema = z.object({
  nodes: count,
  relationships: count,
  labels: mapOf(count, 100_000),
  relationshipTypes: mapOf(count, 100_000),
  indexes: listOf(z.string(), 100_000),
  constraints: listOf(z.string(), 100_000),
});
export type GraphFacts = z.infer<typeof graphFactsSchema>;

export const neo4jRecordSchema = z.object({
  name: keyWord,
  kind: z.literal('neo4j'),
  container: shown,
  image: shown,
  imageDigest: shown,
  version: shown,
  edition: shown,
  databases: listOf(databaseName, 10_000),
  /** How the bytes were taken. */
  mode: z.enum(['dump', 'copy', 'freeze', 'snapshot', 'online', 'left-stopped']),
  /** Seconds from the stop to the moment that it answered again; 0 when it was never stopped. */
  offlineSeconds: seconds,
  /** What the offline time went into (seconds): the stop, the dump or copy, the start. */
  phases: z.object({ stop: seconds, work: seconds, start: seconds }).optional(),
  /** Seconds for which clients waited while the container was paused. */
  frozenSeconds: seconds.optional(),
  /** Modes that failed before the one that it was taken by. */
  fallbacks: listOf(z.object({ mode: z.enum(CAPTURE_MODES), type: shown, message: shown }), 100).optional(),
  window: z.object({ from: time, to: time }).optional(),
  /** By database, from the live server before its window; absent when no credentials are configured. */
  facts: mapOf(graphFactsSchema, 10_000).optional(),
  /** The same after it: where clients wrote meanwhile, what was captured lies between the two. */
  factsAfter: mapOf(graphFactsSchema, 10_000).optional(),
  /** By database, from `neo4j-admin database info`. */
  stores: mapOf(z.object({ format: shown, lastCommittedTransaction: shown }), 10_000).optional(),
});
export type Neo4jRecord = z.infer<typeof neo4jRecordSchema>;

export const collectionRecordSchema = z.object({
  name: objectName,
  points: count,
  /** The same after the snapshot, where it differs: points were written meanwhile. */
  pointsAfter: count.optional(),
  config: z.record(z.string(), z.unknown()),
  payloadSchema: z.record(z.string(), z.unknown()),
  aliases: listOf(objectName, 10_000),
  /** Points chosen by their id, and the hash of each one's payload and vector. */
  sample: listOf(z.object({ id: z.union([z.string().max(100), z.number()]), sha256 }), 10_000).optional(),
});
export type CollectionRecord = z.infer<typeof collectionRecordSchema>;

export const qdrantRecordSchema = z.object({
  name: keyWord,
  kind: z.literal('qdrant'),
  version: shown,
  nodes: listOf(objectName, 1000),
  collections: listOf(collectionRecordSchema, 10_000),
  window: z.object({ from: time, to: time }).optional(),
});
export type QdrantRecord = z.infer<typeof qdrantRecordSchema>;

export const manifestSchema = z.object({
  kind: z.literal('lifeboat/backup-set'),
  format: z.literal(MANIFEST_FORMAT),
  set: keyWord,
  /** When the run began, and when the manifest was written. */
  createdAt: time,
  completedAt: time,
  lifeboat: shown,
  run: z.object({ workflowId: shown, runId: shown }),
  /** `partial`: a configured service is missing from it; its failure stands in `failures`. */
  state: z.enum(['complete', 'partial']),
  /** Whether all captures were taken while nobody could write. */
  consistent: z.boolean(),
  /** Seconds between the earliest and the latest capture; null with one capture. */
  skewSeconds: seconds.nullable(),
  services: listOf(z.discriminatedUnion('kind', [neo4jRecordSchema, qdrantRecordSchema]), 1000),
  failures: listOf(z.object({ service: keyWord, type: shown, message: shown }), 1000),
  encryption: z.object({ recipients: listOf(shown, 1000), passphrase: z.boolean() }).nullable(),
  artifacts: listOf(artifactSchema, 100_000),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A reason is not longer than this, however much is wrong (characters): it passes through Temporal and onto a page. */
const LONGEST_REASON = 600;

/**
 * Read a manifest's text. What it says is not believed: whoever can write a repository can have written it.
 * @throws {LifeboatError} `ManifestTooNew` for a later format, `ManifestInvalid` for anything that is not a whole manifest.
 */
export function parseManifest(text: string, where: string): Manifest {
  const refusal = whyNotParsed(text);
  if (refusal) {
    throw new LifeboatError('ManifestInvalid', `The manifest ${where} is none of Lifeboat's: ${refusal}.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LifeboatError(
      'ManifestInvalid',
      `The manifest ${where} is not whole JSON: it was cut or changed.`,
      {
        cause,
      },
    );
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > MANIFEST_FORMAT) {
    throw new LifeboatError(
      'ManifestTooNew',
      `The manifest ${where} has format ${format}, and this version of Lifeboat reads up to ${MANIFEST_FORMAT}: upgrade Lifeboat to use this set.`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    throw new LifeboatError(
      'ManifestInvalid',
      `The manifest ${where} is not valid: ${reasonOf(parsed.error)}`,
    );
  }
  const outside = parsed.data.artifacts.find((a) => !a.path.startsWith(`sets/${parsed.data.set}/`));
  if (outside) {
    throw new LifeboatError(
      'ManifestInvalid',
      `The manifest ${where} names the artifact "${outside.path}", which is not in its own folder sets/${parsed.data.set}/.`,
    );
  }
  const twice =
    twiceIn(parsed.data.services.map(({ name }) => name)) ?? twiceIn(parsed.data.artifacts.map(thingOf));
  if (twice !== undefined) {
    throw new LifeboatError('ManifestInvalid', `The manifest ${where} holds "${twice}" twice.`);
  }
  return parsed.data;
}

/** What an artifact is of: two of the same thing would be written over each other. */
const thingOf = ({ service, kind, name, node }: Artifact): string =>
  `${kind} ${name} of ${service}${node === undefined ? '' : ` on ${node}`}`;

function twiceIn(names: string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

function reasonOf(error: z.ZodError): string {
  const first = new z.ZodError(error.issues.slice(0, 10));
  return shortened(z.prettifyError(first).replaceAll('\n', ' '), LONGEST_REASON);
}
