import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { walkDump } from '../../../src/adapters/neo4j/dump-walker.ts';
import { mutatedBytes } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

const DUMP = readFileSync(new URL('../../adapters/recordings/empty-database.dump', import.meta.url));
const MAGIC = DUMP.subarray(0, 4);
const CONTENT = zstdDecompressSync(DUMP.subarray(4));

const packed = (content: Buffer): Buffer => Buffer.concat([MAGIC, zstdCompressSync(content)]);

/** A few kilobytes that unpack to half a gigabyte. */
const BOMB = packed(Buffer.concat([CONTENT.subarray(0, 24), Buffer.alloc(512 * 1024 * 1024)]));

export const DUMP_WALKER = target<Buffer>({
  name: 'dump',
  what: 'a real dump of Neo4j: changed as it is, and changed within and compressed again; and one that unpacks to 0.5 GB',
  share: 0.5,
  inputs: () =>
    fc.oneof(
      { weight: 30, arbitrary: mutatedBytes(DUMP) },
      { weight: 60, arbitrary: mutatedBytes(CONTENT).map(packed) },
      { weight: 1, arbitrary: fc.constant(BOMB) },
      {
        weight: 9,
        arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.concat([MAGIC, bytes])),
      },
    ),
  read: async (bytes) => await receptionOf(() => walkDump(inPieces(bytes))),
});

/** As they come from a network: in pieces that keep to no border. */
export function inPieces(bytes: Buffer): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 7919) pieces.push(bytes.subarray(at, at + 7919));
  return Readable.from(pieces);
}
