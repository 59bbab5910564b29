import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import type { Secret } from '../../config/secret.ts';
import { LifeboatError } from '../../model/failures.ts';
import type { Artifact } from '../../model/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import { decryptFromAge } from './age.ts';
import { type Measured, meter } from './measure.ts';
import { CHUNK_BYTES } from './store-artifact.ts';

export interface ReadArtifact {
  repository: Repository;
  artifact: Artifact;
  /** Any of them may be the right one. */
  identities?: Secret[];
  passphrase?: Secret;
  signal?: AbortSignal;
}

/**
 * The content of an artifact. Its bytes can be trusted once the stream has ended: it fails at its end when a checksum or size is
 * not the manifest's, and before that as soon as decryption, decompression or more bytes than the manifest says show it.
 * @throws {LifeboatError} here: `KeyNotFound` and what the repository fails with; by the stream: `ChecksumMismatch`, `ArtifactCorrupt`,
 * `DecryptionFailed`, `InvalidConfiguration` for an identity that is none
 */
export async function readArtifact(job: ReadArtifact): Promise<Readable> {
  const { repository, artifact, signal } = job;
  const where = `"${artifact.path}" in the repository "${repository.name}" (${repository.location})`;
  const source = await repository.get(artifact.path, signal ? { signal } : {});
  const content = contentOf(source, job, where);
  const stream = Readable.from(content, {
    objectMode: true,
    highWaterMark: 2,
    ...(signal ? { signal } : {}),
  });
  // Destroyed before its first read, the generator never runs, and neither does its `finally`.
  return stream.once('close', () => source.destroy());
}

async function* contentOf(source: Readable, job: ReadArtifact, where: string): AsyncGenerator<Buffer> {
  const { artifact } = job;
  const stored = meter();
  const content = meter();
  try {
    let chunks: AsyncIterable<Buffer> = stored(atMost(source, artifact.stored.bytes, 'stored bytes', where));
    if (artifact.encryption === 'age') chunks = decryptFromAge(chunks, job, where);
    if (artifact.compression === 'zstd') chunks = unzstd(chunks, where);
    yield* content(atMost(chunks, artifact.content.bytes, 'bytes of content', where));
    requireSame(artifact.stored, stored.result(), 'what is stored', where);
    requireSame(artifact.content, content.result(), 'its content', where);
  } finally {
    source.destroy();
  }
}

/** Ends with `ArtifactCorrupt` at the first byte too many: a manifest's sizes also bound what a hostile archive unpacks to. */
export async function* atMost(
  chunks: AsyncIterable<Buffer>,
  limit: number,
  what: string,
  where: string,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > limit) {
      throw new LifeboatError(
        'ArtifactCorrupt',
        `${where} has more than the ${limit} ${what} that its manifest says: it was changed. Use another set, or a copy in another repository.`,
      );
    }
    yield chunk;
  }
}

async function* unzstd(chunks: AsyncIterable<Buffer>, where: string): AsyncGenerator<Buffer> {
  const decompress = createZstdDecompress({ chunkSize: CHUNK_BYTES });
  const source = Readable.from(chunks, { objectMode: true, highWaterMark: 2 });
  let upstream: unknown;
  source.once('error', (error) => {
    upstream = error;
    decompress.destroy(error);
  });
  try {
    for await (const chunk of source.pipe(decompress)) yield chunk;
  } catch (error) {
    if (upstream !== undefined) throw upstream;
    throw new LifeboatError(
      'ArtifactCorrupt',
      `${where} can not be decompressed: it was cut or changed. Use another set, or a copy in another repository.`,
      { cause: error },
    );
  } finally {
    source.destroy();
    decompress.destroy();
  }
}

/** @throws {LifeboatError} `ChecksumMismatch` */
export function requireSame(expected: Measured, found: Measured, what: string, where: string): void {
  if (expected.bytes === found.bytes && expected.sha256 === found.sha256) return;
  throw new LifeboatError(
    'ChecksumMismatch',
    `${where} is not what its manifest says: ${what} has ${found.bytes} bytes with sha256 ${found.sha256}, not ${expected.bytes} with ${expected.sha256}. It was cut or changed; use another set, or a copy in another repository.`,
    { details: { expected, found } },
  );
}
