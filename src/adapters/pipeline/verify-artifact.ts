import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LifeboatError } from '../../model/failures.ts';
import type { Artifact } from '../../model/manifest.ts';
import { walkDump } from '../neo4j/dump-walker.ts';
import { walkSnapshot } from '../qdrant/snapshot-walker.ts';
import { inspection } from './inspection.ts';
import { type ReadArtifact, readArtifact } from './read-artifact.ts';

/** What an archive holds, as its walker counted. */
export interface Walked {
  files: number;
  bytes: number;
}

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
  const { artifact, repository, signal } = job;
  const canRead = artifact.encryption === 'none' || job.passphrase || job.identities?.length;
  if (!canRead) {
    const sealed: Artifact = {
      ...artifact,
      content: artifact.stored,
      compression: 'none',
      encryption: 'none',
    };
    await drain(await readArtifact({ ...job, artifact: sealed }), job);
    return { depth: 'stored' };
  }
  const walking = inspection((content) => walk(artifact.kind, content));
  const content = await readArtifact(job);
  await pipeline(
    content,
    walking,
    async (chunks: AsyncIterable<Buffer>) => await drain(chunks, job),
    signal ? { signal } : {},
  );
  const archive = await walking.result();
  const expected = artifact.archive;
  if (expected && (expected.files !== archive.files || expected.bytes !== archive.bytes)) {
    throw new LifeboatError(
      'ArtifactCorrupt',
      `"${artifact.path}" in the repository "${repository.name}" holds ${archive.files} files with ${archive.bytes} bytes, and its manifest says ${expected.files} with ${expected.bytes}. Use another set, or a copy in another repository.`,
    );
  }
  return { depth: 'content', archive };
}

/** Walks an archive of either kind from its first byte to its last. */
export async function walk(kind: Artifact['kind'], content: Readable): Promise<Walked> {
  const { files, bytes } = kind === 'neo4j-dump' ? await walkDump(content) : await walkSnapshot(content);
  return { files, bytes };
}

async function drain(chunks: AsyncIterable<Buffer>, job: VerifyArtifact): Promise<void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    job.onProgress?.(bytes);
  }
}
