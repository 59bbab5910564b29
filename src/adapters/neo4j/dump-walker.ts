import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LifeboatError } from '../../model/failures.ts';
import { ByteSource } from '../tar/byte-source.ts';
import { type TarEntry, TarProblem, tarEntries } from '../tar/tar-entries.ts';

/** What a whole dump holds. */
export interface WalkedDump {
  files: number;
  /** Bytes of those files, unpacked. */
  bytes: number;
  format: 'zstd' | 'gzip';
}

const CHUNK_BYTES = 1024 * 1024;
/** Inside the compressed stream: the word `zstd` or `gzip`, the version (4 bytes), files and bytes (8 bytes each), big-endian. */
const HEADER_BYTES = 24;

/**
 * Walks a dump of `neo4j-admin` from its first byte to its last, without Java and without a database: the compression's own
 * checksum, the archive's structure, and the number of files and bytes that its header promises. It holds a few chunks in memory.
 * The layout is that of Neo4j's `Dumper` and `StandardCompressionFormat`: 4 bytes of magic (older dumps have none), then a compressed
 * stream with a header (zstd only) and a tar archive.
 * Bytes after the compressed stream's end may be overlooked.
 * @param mostBytes what it may unpack to; reading ends as soon as it names more, or more than its own header promises.
 * @throws {LifeboatError} `DumpIncomplete` when its end is missing, `ArtifactCorrupt` when it is damaged, no dump, or names files
 * outside its folder; whatever the source itself fails with
 */
export async function walkDump(
  source: Readable,
  { mostBytes = Infinity }: { mostBytes?: number } = {},
): Promise<WalkedDump> {
  const { format, rest } = await readMagic(source);
  const decompress = (format === 'zstd' ? createZstdDecompress : createGunzip)({ chunkSize: CHUNK_BYTES });
  let broken: unknown;
  const compressed = async function* () {
    try {
      yield* rest;
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  try {
    return await pipeline(compressed, decompress, async (chunks: AsyncIterable<Buffer>) => {
      const { promised, rest } = await readHeader(chunks, format);
      const counted = await countFiles(rest, Math.min(mostBytes, Number(promised?.bytes ?? Infinity)));
      requirePromised(promised, counted);
      return { ...counted, format };
    });
  } catch (error) {
    throw broken ?? damage(error);
  } finally {
    source.destroy();
  }
}

/** What the header says that will come. */
interface Promised {
  files: bigint;
  bytes: bigint;
}

async function readMagic(
  source: Readable,
): Promise<{ format: 'zstd' | 'gzip'; rest: AsyncIterable<Buffer> }> {
  const { start, rest } = await split(source, 4);
  const magic = start.toString('latin1');
  if (magic === 'DZV1') return { format: 'zstd', rest };
  if (magic === 'DGV1') return { format: 'gzip', rest };
  const whole = (async function* () {
    yield start;
    yield* rest;
  })();
  if (magic === '\x28\xb5\x2f\xfd') return { format: 'zstd', rest: whole };
  if (magic.startsWith('\x1f\x8b')) return { format: 'gzip', rest: whole };
  if (start.length < 4) throw incomplete();
  throw new LifeboatError(
    'ArtifactCorrupt',
    'This is not a dump of neo4j-admin: it begins with neither DZV1 nor DGV1. It was changed, encrypted, or is another file.',
  );
}

async function readHeader(
  chunks: AsyncIterable<Buffer>,
  format: 'zstd' | 'gzip',
): Promise<{ promised: Promised | undefined; rest: AsyncIterable<Buffer> }> {
  const { start, rest } = await split(chunks, HEADER_BYTES);
  if (start.length < HEADER_BYTES) throw incomplete();
  if (start.toString('latin1', 0, 4) === format) {
    return { promised: { files: start.readBigInt64BE(8), bytes: start.readBigInt64BE(16) }, rest };
  }
  if (format === 'zstd') throw corrupt('its header is missing');
  // Dumps by gzip may have none: the archive begins at once.
  const whole = (async function* () {
    yield start;
    yield* rest;
  })();
  return { promised: undefined, rest: whole };
}

async function countFiles(
  archive: AsyncIterable<Buffer>,
  mostBytes: number,
): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for await (const entry of tarEntries(new ByteSource(archive), true)) {
    requireInside(entry);
    if (entry.kind === 'directory') continue;
    files += 1;
    bytes += entry.size;
    if (bytes > mostBytes) {
      throw corrupt(`it promises, or is expected, to hold ${mostBytes} bytes, and holds more`);
    }
  }
  return { files, bytes };
}

function requireInside({ name, kind }: TarEntry): void {
  const shown = JSON.stringify(name);
  if (kind === 'other') throw corrupt(`its entry ${shown} is neither a file nor a folder`);
  if (name === '' || name.startsWith('/') || name.split('/').includes('..') || name.includes('\0')) {
    throw corrupt(`it names ${shown}, which is outside of its folder`);
  }
}

function requirePromised(promised: Promised | undefined, found: { files: number; bytes: number }): void {
  const { files, bytes } = promised ?? found;
  if (BigInt(files) === BigInt(found.files) && BigInt(bytes) === BigInt(found.bytes)) return;
  throw corrupt(
    `its header promises ${files} files with ${bytes} bytes, and it holds ${found.files} with ${found.bytes}`,
  );
}

/** The first bytes (fewer when there are not so many), and all that follow. */
async function split(
  chunks: AsyncIterable<Buffer>,
  bytes: number,
): Promise<{ start: Buffer; rest: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let read: Buffer = Buffer.alloc(0);
  while (read.length < bytes) {
    const next = await iterator.next();
    if (next.done) break;
    read = Buffer.concat([read, next.value]);
  }
  const rest = (async function* () {
    try {
      if (read.length > bytes) yield read.subarray(bytes);
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
  return { start: read.subarray(0, bytes), rest };
}

/** What the error of a decompressor or of the archive's reader says of the dump. */
function damage(error: unknown): unknown {
  if (error instanceof LifeboatError) return error;
  if (error instanceof TarProblem) {
    return error.kind === 'cut' ? incomplete(error) : corrupt(error.message, error);
  }
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  if (/unexpected end/i.test(message)) return incomplete(error);
  const isDecompressor = /^(Z_|ZSTD_|ERR_ZLIB|ERR_)/.test(code);
  return isDecompressor ? corrupt(message, error) : error;
}

const incomplete = (cause?: unknown): LifeboatError =>
  new LifeboatError('DumpIncomplete', 'The end of the dump is missing: it was cut. Take it anew.', { cause });

const corrupt = (why: string, cause?: unknown): LifeboatError =>
  new LifeboatError('ArtifactCorrupt', `The dump is damaged: ${why}. Take it anew, or use another set.`, {
    cause,
  });
