import { readFileSync } from 'node:fs';

/** One request to a real server and what it answered. */
export interface Exchange {
  name: string;
  /** The node of a cluster that was asked, counted from 1. */
  node?: number;
  request: { method: string; path: string; headers: Record<string, string>; body: unknown };
  response: { status: number; headers?: Record<string, string>; body: unknown };
}

const folder = new URL('recordings/', import.meta.url);

/** The collection, its snapshot and the checksum that the recordings speak of. */
export const RECORDED = {
  collection: 'lifeos_notes',
  snapshot: 'lifeos_notes-6352971731311956-2026-11-23-04-51-50.snapshot',
  secondSnapshot: 'lifeos_notes-6352971731311956-2026-11-23-04-51-52.snapshot',
  shardSnapshot: 'lifeos_notes-shard-0-2026-11-23-04-51-52.snapshot',
  fullSnapshot: 'full-snapshot-2026-11-23-04-51-52.snapshot',
  server: 'http://127.0.0.1:6333',
} as const;

export function exchanges(file: 'exchanges' | 'exchanges-api-key' | 'exchanges-cluster'): Exchange[] {
  return JSON.parse(readFileSync(new URL(`${file}.json`, folder), 'utf8')) as Exchange[];
}

/** The snapshot file that the real server gave: 20 points of 4 dimensions and one payload index. */
export function recordedSnapshot(): Buffer {
  return readFileSync(new URL('lifeos_notes.snapshot', folder));
}

/** The path of that file. */
export const recordedSnapshotFile = new URL('lifeos_notes.snapshot', folder);

/** A multipart body as the recordings' client sent it. */
export function multipartOf(fileName: string, content: Buffer, boundary = 'xxBOUNDARYxx'): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="snapshot"; filename="${fileName}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}
