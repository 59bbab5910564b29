import { Readable } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';
import type { Artifact } from '../../model/manifest.ts';
import { walkDump } from '../neo4j/dump-walker.ts';
import { walkSnapshot } from '../qdrant/snapshot-walker.ts';
import { type Inspection, inspection } from './inspection.ts';
import { type ReadArtifact, readArtifact } from './read-artifact.ts';

/** What an archive holds, as its walker counted. */
export interface Walked {
  files: number;
  bytes: number;
}

/**
 * Walks the archive in an artifact as it passes: files only, all in their folder, and as many, with as many bytes, as the manifest says.
 * @param mostBytes what it may unpack to where the manifest does not say. Default: no limit
 */
export function walkArtifact(
  { artifact, repository }: ReadArtifact,
  mostBytes: number = Infinity,
): Inspection<Walked> {
  const expected = artifact.archive;
  return inspection(async (content) => {
    const { files, bytes } = await walk(artifact.kind, content, expected?.bytes ?? mostBytes);
    if (expected && (expected.files !== files || expected.bytes !== bytes)) {
      throw new LifeboatError(
        'ArtifactCorrupt',
        `"${artifact.path}" in the repository "${repository.name}" holds ${files} files with ${bytes} bytes, and its manifest says ${expected.files} with ${expected.bytes}. Use another set, or a copy in another repository.`,
      );
    }
    return { files, bytes };
  });
}

/**
 * The content of an artifact on its way into a database: {@link readArtifact}, and the stream fails before its end when the archive is
 * damaged, names files elsewhere, or unpacks to more than its manifest says.
 */
export async function readWalked(job: ReadArtifact, mostBytes?: number): Promise<Readable> {
  const content = await readArtifact(job);
  const walking = walkArtifact(job, mostBytes);
  const stream = Readable.from(walking(content), {
    objectMode: true,
    highWaterMark: 2,
    ...(job.signal ? { signal: job.signal } : {}),
  });
  // Destroyed before its first read, the generator never runs, and neither does its `finally`.
  return stream.once('close', () => content.destroy());
}

/** Walks an archive of either kind from its first byte to its last. */
export async function walk(
  kind: Artifact['kind'],
  content: Readable,
  mostBytes: number = Infinity,
): Promise<Walked> {
  const { files, bytes } =
    kind === 'neo4j-dump' ? await walkDump(content, { mostBytes }) : await walkSnapshot(content);
  return { files, bytes };
}
