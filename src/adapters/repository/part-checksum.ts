import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Part as ListedPart } from '@aws-sdk/client-s3';

/** The server compares it with the bytes that arrived. Base64 of four bytes, big-endian, as S3 writes it. */
export function checksum(body: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return sum.toString('base64');
}

/** Whether the store already has this part; what can't be compared counts as different. */
export function isSame(present: ListedPart, body: Buffer, sum: string): boolean {
  if (present.Size !== body.length) return false;
  const etag = present.ETag?.replaceAll('"', '') ?? '';
  if (/^[0-9a-f]{32}$/.test(etag) && createHash('md5').update(body).digest('hex') === etag) return true;
  // Where the tag is no md5 (some encryptions): by the checksum that the store keeps.
  return present.ChecksumCRC32 === sum;
}
