/** Bytes of a block: headers fill one, bodies whole ones. */
export const BLOCK = 512;

/** What one header block of a tar says (POSIX ustar and GNU). */
export interface TarHeader {
  name: string;
  /** `0` file, `5` directory, `S` sparse file, `L` and `x` the name (and size) of what follows; others as they are. */
  type: string;
  /** Bytes of the body in the archive. */
  stored: number;
  /** Bytes that a file unpacks to; more than what is stored when it is sparse. */
  size: number;
  /** Bytes of the pieces that are not holes, as far as this block lists them. */
  pieces: number;
  /** Whether another block with pieces follows. */
  extended: boolean;
}

/**
 * Read a header block.
 * @throws {Error} with the reason when it is none: its checksum does not hold, or a number is not one.
 */
export function readTarHeader(block: Buffer): TarHeader {
  if (numberAt(block, 148, 8) !== checksumOf(block)) throw new Error('the checksum of a header is wrong');
  const type = block[156] === 0 ? '0' : String.fromCharCode(block[156]!);
  const stored = numberAt(block, 124, 12);
  const gnu = block.subarray(257, 265).equals(Buffer.from('ustar  \0'));
  const prefix = gnu ? '' : textAt(block, 345, 155);
  const name = textAt(block, 0, 100);
  const header = { name: prefix ? `${prefix}/${name}` : name, type, stored };
  if (type !== 'S') return { ...header, size: stored, pieces: stored, extended: false };
  return {
    ...header,
    size: numberAt(block, 483, 12),
    pieces: sparsePieces(block, 386, 4),
    extended: block[482] !== 0,
  };
}

/** A block that goes on listing the pieces of a sparse file. */
export function readSparseExtension(block: Buffer): { pieces: number; extended: boolean } {
  return { pieces: sparsePieces(block, 0, 21), extended: block[504] !== 0 };
}

/** The records of a POSIX extended header: `LENGTH KEY=VALUE\n`, again and again. */
export function readExtendedHeader(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0 || at + length > body.length)
      throw new Error('an extended header is malformed');
    const record = body.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function sparsePieces(block: Buffer, from: number, count: number): number {
  let sum = 0;
  for (let entry = 0; entry < count; entry++) {
    const at = from + entry * 24;
    // An unused entry is all zeros; a used one says a length, which may be 0 for a hole at the end.
    if (block[at] === 0 && block[at + 12] === 0) break;
    numberAt(block, at, 12);
    sum += numberAt(block, at + 12, 12);
  }
  return sum;
}

/** Octal digits, or a binary number where the first bit is set, as GNU writes large ones. */
function numberAt(block: Buffer, from: number, length: number): number {
  const field = block.subarray(from, from + length);
  if ((field[0]! & 0x80) !== 0) {
    let value = BigInt(field[0]! & 0x7f);
    for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('a size in a header is too large');
    return Number(value);
  }
  const digits = textAt(field, 0, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new Error('a number in a header is malformed');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function textAt(block: Buffer, from: number, length: number): string {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** The sum of all bytes, with spaces in place of the checksum itself. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at]!;
  return sum;
}
