import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { walkSnapshot } from '../../../src/adapters/qdrant/snapshot-walker.ts';
import { mutatedBytes } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';
import { inPieces } from './dump.ts';

const SNAPSHOT = readFileSync(
  new URL('../../testbed/qdrant/recordings/lifeos_notes.snapshot', import.meta.url),
);
const BLOCK = 512;

/** Where the headers of the recorded snapshot are, those of its inner archives too. */
const HEADERS = Array.from({ length: SNAPSHOT.length / BLOCK }, (_, at) => at * BLOCK).filter((at) =>
  SNAPSHOT.subarray(at + 257, at + 262).equals(Buffer.from('ustar')),
);

/** Fields of a header: offset and length. */
const FIELDS = {
  name: [0, 100],
  size: [124, 12],
  type: [156, 1],
  sparse: [386, 97],
  real: [483, 12],
} as const;

interface HeaderChange {
  header: number;
  field: keyof typeof FIELDS;
  bytes: Uint8Array;
}

const TEXTS = [
  '../../outside',
  '/etc/passwd',
  '\0',
  '77777777777',
  '00000000000',
  'S',
  'x',
  'L',
  'g',
  '2',
  '-1',
];

const headerChange: fc.Arbitrary<HeaderChange> = fc.record({
  header: fc.constantFrom(...HEADERS),
  field: fc.constantFrom(...(Object.keys(FIELDS) as (keyof typeof FIELDS)[])),
  bytes: fc.oneof(
    fc.constantFrom(...TEXTS).map((text) => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 12 }),
    // A binary number, as GNU writes large ones.
    fc.uint8Array({ minLength: 11, maxLength: 11 }).map((bytes) => Uint8Array.of(0x80, ...bytes)),
  ),
});

/** With a checksum that holds, so that what is wrong is not found by it. */
function withHeaders(changes: HeaderChange[]): Buffer {
  const file = Buffer.from(SNAPSHOT);
  for (const { header, field, bytes } of changes) {
    const [offset, length] = FIELDS[field];
    file.fill(0, header + offset, header + offset + length).set(bytes.subarray(0, length), header + offset);
    sign(file.subarray(header, header + BLOCK));
  }
  return file;
}

function sign(block: Buffer): void {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** A file that an extended header gives a size, before the recorded snapshot. */
function afterExtended(record: string): Buffer {
  const text = ` ${record}\n`;
  // The length counts its own digits.
  const body = Buffer.from(`${text.length + String(text.length + 2).length}${text}`);
  const header = (type: string, size: number) => {
    const block = Buffer.alloc(BLOCK);
    block.write('extended', 0);
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    block.write(type, 156);
    block.write('ustar\x0000', 257, 'latin1');
    sign(block);
    return block;
  };
  const padded = Buffer.concat([body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
  return Buffer.concat([header('x', body.length), padded, header('0', 0), SNAPSHOT]);
}

const RECORDS = [
  'size=-1',
  'size=NaN',
  'size=1e400',
  'size=0.5',
  'size=99999999999999999999',
  'size=',
  'path=',
  '=',
  'size=0x200',
];

export const SNAPSHOT_WALKER = target<Buffer>({
  name: 'snapshot',
  what: 'a real snapshot of Qdrant: changed bytes, changed headers whose checksums hold, extended headers',
  share: 0.5,
  inputs: () =>
    fc.oneof(
      { weight: 4, arbitrary: mutatedBytes(SNAPSHOT) },
      { weight: 4, arbitrary: fc.array(headerChange, { minLength: 1, maxLength: 3 }).map(withHeaders) },
      {
        weight: 1,
        arbitrary: fc.oneof(fc.constantFrom(...RECORDS), fc.string({ maxLength: 30 })).map(afterExtended),
      },
    ),
  async read(bytes) {
    return await receptionOf(async () => {
      const walk = await walkSnapshot(inPieces(bytes));
      for (const [what, count] of Object.entries({ files: walk.files, bytes: walk.bytes })) {
        if (!Number.isSafeInteger(count) || count < 0) throw new Error(`It counted ${count} ${what}.`);
      }
    });
  },
});
