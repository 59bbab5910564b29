import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { Encryption } from '../../config/config.ts';
import type { Secret } from '../../config/secret.ts';
import { buffers } from '../repository/buffers.ts';
import type { PutOptions, Repository } from '../repository/repository.ts';
import { encryptForAge } from './age.ts';
import { inspection } from './inspection.ts';
import { type Measured, meter } from './measure.ts';

/** Chunks between the stages (bytes): large, so that the work of handing them on does not count. */
export const CHUNK_BYTES = 1024 * 1024;

/** zstd's own default: on dumps and snapshots higher levels cost much time for little space. */
const ZSTD_LEVEL = 3;

export interface StoreArtifact<T> {
  source: Readable;
  repository: Repository;
  key: string;
  compression: 'none' | 'zstd';
  /** Default: stored as it is. */
  encryption?: Pick<Encryption, 'recipients' | 'passphrase'>;
  /** Of an earlier attempt to store the very same content (`newSeal`): without it, an encrypted upload can't be resumed, only begun anew. */
  seal?: Secret;
  signal?: AbortSignal;
  /** Bytes of the content that were taken from the source so far. */
  onProgress?: (bytes: number) => void;
  /** Handed to the repository: an exact size is known only of content that is stored as it is. */
  put?: Omit<PutOptions, 'signal' | 'onProgress'>;
  /** Sees the content on its way; when it fails, nothing is stored. */
  inspect?: (content: Readable) => Promise<T>;
}

export interface StoredArtifact<T> {
  content: Measured;
  stored: Measured;
  inspected: T | undefined;
}

type Stage = (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/**
 * Source → sha256 (→ inspection) → zstd → age → sha256 → repository, in one pass. Memory is bounded by a few chunks a stage and
 * what the repository's `put` holds. When anything fails, the key does not exist afterwards.
 */
export async function storeArtifact<T = undefined>(job: StoreArtifact<T>): Promise<StoredArtifact<T>> {
  try {
    return await run(job);
  } finally {
    // Also when it fails before the first byte is read.
    job.source.destroy();
  }
}

async function run<T>(job: StoreArtifact<T>): Promise<StoredArtifact<T>> {
  const { source, repository, key, compression, encryption, signal, onProgress } = job;
  const content = meter();
  const stored = meter();
  const inspecting = job.inspect && inspection(job.inspect);
  const stages: (Stage | NodeJS.ReadWriteStream)[] = [buffers];
  if (onProgress) stages.push(counted(onProgress));
  stages.push(content);
  if (inspecting) stages.push(inspecting);
  if (compression === 'zstd') {
    const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL, [constants.ZSTD_c_checksumFlag]: 1 };
    stages.push(createZstdCompress({ chunkSize: CHUNK_BYTES, params }));
  }
  if (encryption) stages.push(await encryptForAge(encryption, job.seal));
  // What is stored as it is needs to be hashed only once.
  const changed = compression !== 'none' || encryption !== undefined;
  if (changed) stages.push(stored);
  const put = async (chunks: AsyncIterable<Buffer>) => {
    // Chunk by chunk: a stream of bytes would join what waits in it, a copy for nothing.
    const outgoing = Readable.from(chunks, { objectMode: true, highWaterMark: 2 });
    await repository.put(key, outgoing, { ...putOptions(job), ...(signal ? { signal } : {}) });
  };
  // Node takes functions among the streams of a list; its types only know of them outside of one.
  const all = [source, ...stages, put] as unknown as NodeJS.ReadWriteStream[];
  await pipeline(all, signal ? { signal } : {});
  return {
    content: content.result(),
    stored: changed ? stored.result() : content.result(),
    inspected: await inspecting?.result(),
  };
}

/** Two different contents under one seal must not reach the store: with a seal, what is resumed has to be the same. */
function putOptions({ put, seal }: Pick<StoreArtifact<unknown>, 'put' | 'seal'>): PutOptions {
  return put?.resume && seal ? { ...put, resume: { ...put.resume, requireSame: true } } : { ...put };
}

function counted(onProgress: (bytes: number) => void): Stage {
  return async function* stage(chunks) {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      onProgress(bytes);
      yield chunk;
    }
  };
}
