import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';

export interface UploadOptions {
  /**
   * The name that the server keeps the file under. Choose one that no snapshot there has: the server replaces a file of the same
   * name, even by one that it then refuses. Delete it afterwards.
   */
  fileName: string;
  source: Readable;
  /** Exact size of the source (bytes). */
  bytes: number;
  /** sha256 in hexadecimal; the server refuses the file before it touches the collection when it differs. Absent: not compared. */
  checksum?: string;
  /** Always said, because the server's default was another one before 1.9.3. */
  priority: 'snapshot';
  /** Ends the upload while it is sent. The server can't be kept from what it has whole, so then the answer is waited for. */
  signal?: AbortSignal;
  /** Ends that wait, too. Default: nothing does. */
  leave?: AbortSignal;
  /** Bytes that the connection has taken so far. */
  onProgress?: (bytes: number) => void;
}

/**
 * A name for an upload that no other file has. Note it where it survives a crash before the upload begins, so that the file can be
 * deleted by its name.
 */
export function uniqueUploadName(): string {
  return `lifeboat-${randomUUID()}.snapshot`;
}

export interface Multipart {
  body: Readable;
  headers: Record<string, string>;
}

/**
 * The body of an upload as the server's form field `snapshot`, with its exact length, so that nothing is held in memory and a proxy sees
 * the size at once. `onStall` is called when the connection has taken nothing for `idle` milliseconds.
 */
export function multipartOf(options: UploadOptions, idle: number, onStall: () => void): Multipart {
  const boundary = `lifeboat-${randomUUID()}`;
  const name = options.fileName.replace(/["\r\n\\]/g, '_');
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="snapshot"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);

  async function* parts(): AsyncGenerator<Buffer> {
    yield head;
    let sent = 0;
    let timer: NodeJS.Timeout | undefined;
    try {
      for await (const chunk of options.source as AsyncIterable<Buffer>) {
        sent += chunk.length;
        if (sent > options.bytes) throw wrongSize(options, `more than ${options.bytes}`);
        timer = setTimeout(onStall, idle);
        yield chunk;
        clearTimeout(timer);
        options.onProgress?.(sent);
      }
    } finally {
      clearTimeout(timer);
    }
    if (sent !== options.bytes) throw wrongSize(options, `${sent} of ${options.bytes}`);
    yield tail;
  }

  return {
    body: Readable.from(parts(), { objectMode: false }),
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + options.bytes + tail.length),
    },
  };
}

function wrongSize(options: UploadOptions, came: string): LifeboatError {
  return new LifeboatError(
    'ArtifactCorrupt',
    `The artifact for "${options.fileName}" does not have the size that its manifest says: ${came} bytes came. Verify the set and restore from another copy.`,
  );
}
