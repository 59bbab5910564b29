import { pipeline } from 'node:stream/promises';
import { LifeboatError } from '../../model/failures.ts';
import type { Artifact } from '../../model/manifest.ts';
import { type ReadArtifact, readArtifact } from './read-artifact.ts';
import { type Walked, walkArtifact } from './read-walked.ts';

/**
 * How deep an artifact was verified. `content`: it was decrypted, unpacked and walked, and both of its checksums hold. `stored`: it is
 * encrypted and nobody here may read it, so only that it is stored as it was written is known.
 */
export type Verification = { depth: 'content'; archive: Walked } | { depth: 'stored' };

export interface VerifyArtifact extends ReadArtifact {
  /** Bytes that were read and checked so far: of the content, or stored ones at the depth `stored`. */
  onProgress?: (bytes: number) => void;
}

/**
 * Reads an artifact back and checks everything that can be checked without a database.
 * @throws {LifeboatError} `KeyNotFound`, `ChecksumMismatch`, `ArtifactCorrupt`, `DumpIncomplete`, `DecryptionFailed`
 */
export async function verifyArtifact(job: VerifyArtifact): Promise<Verification> {
  const { artifact } = job;
  const canRead = artifact.encryption === 'none' || job.passphrase || job.identities?.length;
  if (!canRead) return await verifyStored(job);
  try {
    return await verifyContent(job);
  } catch (error) {
    // It was encrypted for other keys than those that are here, such as older ones.
    if (error instanceof LifeboatError && error.type === 'IdentityMissing') return await verifyStored(job);
    throw error;
  }
}

async function verifyStored(job: VerifyArtifact): Promise<Verification> {
  const { artifact } = job;
  const sealed: Artifact = {
    ...artifact,
    content: artifact.stored,
    compression: 'none',
    encryption: 'none',
  };
  await drain(await readArtifact({ ...job, artifact: sealed }), job);
  return { depth: 'stored' };
}

async function verifyContent(job: VerifyArtifact): Promise<Verification> {
  const { signal } = job;
  const walking = walkArtifact(job);
  const content = await readArtifact(job);
  await pipeline(
    content,
    walking,
    async (chunks: AsyncIterable<Buffer>) => await drain(chunks, job),
    signal ? { signal } : {},
  );
  return { depth: 'content', archive: await walking.result() };
}

async function drain(chunks: AsyncIterable<Buffer>, job: VerifyArtifact): Promise<void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    job.onProgress?.(bytes);
  }
}
