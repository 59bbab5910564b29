import type { ByteSource } from './byte-source.ts';
import { BLOCK, isZero, readExtendedHeader, readSparseExtension, readTarHeader } from './tar-header.ts';

/** One file or folder of a tar. Its body must be read, or left alone, before the next one is asked for. */
export interface TarEntry {
  name: string;
  kind: 'file' | 'directory' | 'other';
  /** Bytes that it unpacks to, holes included. */
  size: number;
  /** Bytes of it in the archive. */
  stored: number;
  body: AsyncIterable<Buffer>;
}

/** Why a tar can't be read: it ends too early, or holds what no tar holds. */
export class TarProblem extends Error {
  readonly kind: 'cut' | 'malformed';

  constructor(kind: 'cut' | 'malformed', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Names and extended headers longer than this are refused (bytes). */
const LONGEST_NAME = 64 * 1024;

/**
 * The entries of a tar in one pass, holding a block of it; names and extended headers, which others read whole however long they are, are
 * bounded. Sparse files of GNU's older format, which Qdrant writes and common readers do not know, are
 * understood. With `closed`, the two zero blocks at the end must be there and nothing but zeros after them; the server leaves the inner tars
 * of its segments without.
 * @throws {TarProblem}
 */
export async function* tarEntries(bytes: ByteSource, closed: boolean): AsyncGenerator<TarEntry> {
  let longName: string | undefined;
  let extended = new Map<string, string>();
  for (;;) {
    const block = await bytes.upTo(BLOCK);
    if (block.length === 0 && !closed) return;
    if (block.length < BLOCK) throw new TarProblem('cut', 'it ends before the end of the archive');
    if (isZero(block)) return await readEnd(bytes, closed);
    const header = understood(() => readTarHeader(block), bytes);
    let pieces = header.pieces;
    for (let more = header.extended; more; ) {
      const extension = readSparseExtension(await whole(bytes, BLOCK));
      pieces += extension.pieces;
      more = extension.extended;
    }
    const stored = extended.has('size') ? sizeOf(extended.get('size')) : header.stored;
    if (header.type === 'S' && pieces !== stored)
      throw new TarProblem('malformed', `the pieces of the sparse file "${header.name}" do not add up`);
    if (header.type === 'L' || header.type === 'x' || header.type === 'g') {
      if (stored > LONGEST_NAME) throw new TarProblem('malformed', 'the name of an entry is too long');
      const body = await whole(bytes, stored);
      await padding(bytes, stored);
      if (header.type === 'L') longName = body.toString('utf8').replace(/\0+$/, '');
      if (header.type === 'x') extended = understood(() => readExtendedHeader(body), bytes);
      continue;
    }
    const read = { left: stored };
    yield {
      name: extended.get('path') ?? longName ?? header.name,
      kind: '07S'.includes(header.type) ? 'file' : header.type === '5' ? 'directory' : 'other',
      size: header.type === 'S' ? header.size : stored,
      stored,
      body: bodyOf(bytes, read),
    };
    for await (const _ of bodyOf(bytes, read)) {
      // What the reader left.
    }
    await padding(bytes, stored);
    longName = undefined;
    extended = new Map();
  }
}

/** Of an extended header, which may say anything. */
function sizeOf(text: string | undefined): number {
  const size = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new TarProblem('malformed', 'the size of an entry is not one');
}

async function* bodyOf(bytes: ByteSource, read: { left: number }): AsyncGenerator<Buffer> {
  while (read.left > 0) {
    const piece = await bytes.some(read.left);
    if (!piece) throw new TarProblem('cut', 'it ends in the middle of a file');
    read.left -= piece.length;
    yield piece;
  }
}

async function readEnd(bytes: ByteSource, closed: boolean): Promise<void> {
  if (closed && !isZero(await whole(bytes, BLOCK)))
    throw new TarProblem('malformed', 'a single zero block stands where the archive should go on or end');
  for (;;) {
    const piece = await bytes.some(64 * 1024);
    if (!piece) return;
    if (!isZero(piece)) throw new TarProblem('malformed', 'there is something after the end of the archive');
  }
}

async function whole(bytes: ByteSource, count: number): Promise<Buffer> {
  const found = await bytes.upTo(count);
  if (found.length < count) throw new TarProblem('cut', 'it ends in the middle of an entry');
  return found;
}

async function padding(bytes: ByteSource, stored: number): Promise<void> {
  const count = (BLOCK - (stored % BLOCK)) % BLOCK;
  if (count > 0 && !isZero(await whole(bytes, count)))
    throw new TarProblem('malformed', 'the space between two files is not empty');
}

function understood<T>(read: () => T, bytes: ByteSource): T {
  try {
    return read();
  } catch (error) {
    throw new TarProblem('malformed', `${(error as Error).message}, before byte ${bytes.position}`);
  }
}
