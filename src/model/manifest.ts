import { z } from 'zod';
import { CAPTURE_MODES } from './capture-mode.ts';
import { LifeboatError } from './failures.ts';

/** The newest manifest format that this version reads and the one that it writes. */
export const MANIFEST_FORMAT = 1;

/** A manifest larger than this is refused unread (bytes): the largest honest one, 10,000 artifacts, is under 10 MB. */
export const MANIFEST_MAX_BYTES = 32 * 1024 * 1024;

const time = z.iso.datetime({ offset: true });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hexadecimal');
const count = z.number().int().nonnegative();

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
export const artifactSchema = z.object({
  service: keyWord,
  kind: z.enum(['neo4j-dump', 'qdrant-snapshot']),
  /** The database or collection that it holds. */
  name: z.string().min(1).max(255),
  /** The node of a Qdrant cluster that it was taken from; absent for a single node. */
  node: z.string().optional(),
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
  serverChecksum: z.string().nullable().optional(),
});
export type Artifact = z.infer<typeof artifactSchema>;

/** What a graph looked like when it was captured: what a restore or drill is compared with. */
export const graphFactsSchema = z.object({
  nodes: count,
  relationships: count,
  labels: z.record(z.string(), count),
  relationshipTypes: z.record(z.string(), count),
  indexes: z.array(z.string()),
  constraints: z.array(z.string()),
});
export type GraphFacts = z.infer<typeof graphFactsSchema>;

export const neo4jRecordSchema = z.object({
  name: keyWord,
  kind: z.literal('neo4j'),
  container: z.string(),
  image: z.string(),
  imageDigest: z.string(),
  version: z.string(),
  edition: z.string(),
  databases: z.array(z.string()),
  /** How the bytes were taken. */
  mode: z.enum(['dump', 'copy', 'freeze', 'snapshot', 'online', 'left-stopped']),
  /** Seconds from the stop to the moment that it answered again; 0 when it was never stopped. */
  offlineSeconds: z.number().nonnegative(),
  /** Seconds for which clients waited while the container was paused. */
  frozenSeconds: z.number().nonnegative().optional(),
  /** Modes that failed before the one that it was taken by. */
  fallbacks: z
    .array(z.object({ mode: z.enum(CAPTURE_MODES), type: z.string(), message: z.string() }))
    .optional(),
  window: z.object({ from: time, to: time }).optional(),
  /** By database, from the live server before its window; absent when no credentials are configured. */
  facts: z.record(z.string(), graphFactsSchema).optional(),
  /** The same after it: where clients wrote meanwhile, what was captured lies between the two. */
  factsAfter: z.record(z.string(), graphFactsSchema).optional(),
  /** By database, from `neo4j-admin database info`. */
  stores: z
    .record(z.string(), z.object({ format: z.string(), lastCommittedTransaction: z.string() }))
    .optional(),
});
export type Neo4jRecord = z.infer<typeof neo4jRecordSchema>;

export const collectionRecordSchema = z.object({
  name: z.string(),
  points: count,
  /** The same after the snapshot, where it differs: points were written meanwhile. */
  pointsAfter: count.optional(),
  config: z.record(z.string(), z.unknown()),
  payloadSchema: z.record(z.string(), z.unknown()),
  aliases: z.array(z.string()),
  /** Points chosen by their id, and the hash of each one's payload and vector. */
  sample: z.array(z.object({ id: z.union([z.string(), z.number()]), sha256 })).optional(),
});
export type CollectionRecord = z.infer<typeof collectionRecordSchema>;

export const qdrantRecordSchema = z.object({
  name: keyWord,
  kind: z.literal('qdrant'),
  version: z.string(),
  nodes: z.array(z.string()),
  collections: z.array(collectionRecordSchema),
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
  lifeboat: z.string(),
  run: z.object({ workflowId: z.string(), runId: z.string() }),
  /** `partial`: a configured service is missing from it; its failure stands in `failures`. */
  state: z.enum(['complete', 'partial']),
  /** Whether all captures were taken while nobody could write. */
  consistent: z.boolean(),
  /** Seconds between the earliest and the latest capture; null with one capture. */
  skewSeconds: z.number().nonnegative().nullable(),
  services: z.array(z.discriminatedUnion('kind', [neo4jRecordSchema, qdrantRecordSchema])),
  failures: z.array(z.object({ service: z.string(), type: z.string(), message: z.string() })),
  encryption: z.object({ recipients: z.array(z.string()), passphrase: z.boolean() }).nullable(),
  artifacts: z.array(artifactSchema).max(100_000),
});
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Read a manifest's text.
 * @throws {LifeboatError} `ManifestTooNew` for a later format, `ManifestInvalid` for anything that is not a whole manifest.
 */
export function parseManifest(text: string, where: string): Manifest {
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
      `The manifest ${where} is not valid: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
    );
  }
  const outside = parsed.data.artifacts.find((a) => !a.path.startsWith(`sets/${parsed.data.set}/`));
  if (outside) {
    throw new LifeboatError(
      'ManifestInvalid',
      `The manifest ${where} names the artifact "${outside.path}", which is not in its own folder sets/${parsed.data.set}/.`,
    );
  }
  return parsed.data;
}
