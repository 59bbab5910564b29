import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { LifeboatError } from '../../model/failures.ts';
import type { QdrantHttp } from './http.ts';
import { brokenConnection } from './qdrant-failure.ts';

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Bytes that have come so far. */
  onProgress?: (bytes: number) => void;
  /** The pause before the rest is asked for (milliseconds); it doubles with each attempt that brings nothing, up to 10 s. Default 250. */
  pauseMs?: number;
}

/** Attempts in a row that bring not one new byte before the download fails. */
const FRUITLESS_ATTEMPTS = 8;
/** Attempts altogether: a connection that breaks more often than this in one file is not worth going on with. */
const ALL_ATTEMPTS = 200;
const LONGEST_PAUSE = 10_000;

/**
 * A file of the server as one stream. When the connection breaks, the rest is asked for by `Range`, provided that the server still
 * has the same file: its length, and its `ETag` where it gives one, must be those of the first answer.
 * The stream fails with `QdrantUnreachable` when that does not help, and `SnapshotIncomplete` when the file has changed.
 */
export async function download(
  http: QdrantHttp,
  file: { path: string; doing: string; collection: string; snapshot: string },
  options: DownloadOptions,
): Promise<Readable> {
  const { pauseMs = 250 } = options;
  const closed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, closed.signal]) : closed.signal;
  // Compression on the way would spoil both the length and what a later range means.
  const open = (headers: Record<string, string> = {}): Promise<Dispatcher.ResponseData> =>
    http.open({ ...file, method: 'GET', headers: { 'accept-encoding': 'identity', ...headers }, signal });

  const first = await open();
  const length = header(first, 'content-length');
  const total = length === undefined ? undefined : Number(length);
  const tag = header(first, 'etag');

  const changed = (why: string): LifeboatError =>
    new LifeboatError(
      'SnapshotIncomplete',
      `The snapshot "${file.snapshot}" on ${http.server.replace(/^The/, 'the')} is not the same file any more after the download broke off: ${why}. It is taken again.`,
    );

  async function* bytes(): AsyncGenerator<Buffer> {
    let response = first;
    let received = 0;
    let fruitless = 0;
    for (let attempt = 1; ; attempt++) {
      const before = received;
      let broken: unknown;
      try {
        for await (const chunk of response.body as AsyncIterable<Buffer>) {
          received += chunk.length;
          options.onProgress?.(received);
          yield chunk;
        }
        if (total === undefined || received === total) return;
        broken = new Error(`${received} of ${total} bytes came`);
      } catch (error) {
        signal.throwIfAborted();
        broken = error;
      }
      fruitless = received > before ? 0 : fruitless + 1;
      if (total === undefined || attempt >= ALL_ATTEMPTS || fruitless >= FRUITLESS_ATTEMPTS)
        throw brokenConnection(http.asked(file), broken);
      const rest = await goOn(received, fruitless, broken);
      if (rest) response = rest;
      else {
        // Not even a connection: counts as an attempt that brought nothing.
        response = { body: Readable.from([]) } as unknown as Dispatcher.ResponseData;
      }
    }
  }

  async function goOn(
    received: number,
    fruitless: number,
    broken: unknown,
  ): Promise<Dispatcher.ResponseData | undefined> {
    await delay(Math.min(pauseMs * 2 ** fruitless, LONGEST_PAUSE), undefined, { signal });
    let response: Dispatcher.ResponseData;
    try {
      response = await open({
        range: `bytes=${received}-`,
        ...(tag && !tag.startsWith('W/') ? { 'if-range': tag } : {}),
      });
    } catch (error) {
      if (error instanceof LifeboatError && error.details?.status === 416) throw changed('it is shorter');
      if (error instanceof LifeboatError && !error.retryable) throw error;
      signal.throwIfAborted();
      return undefined;
    }
    const reason = difference(response, received);
    if (reason === undefined) return response;
    response.body.destroy();
    throw response.statusCode === 200 && reason === 'whole'
      ? brokenConnection(http.asked(file), broken)
      : changed(reason);
  }

  /** Why an answer is not the rest of the same file. */
  function difference(response: Dispatcher.ResponseData, received: number): string | undefined {
    const etag = header(response, 'etag');
    if (tag !== undefined && etag !== undefined && etag !== tag) return 'its ETag differs';
    if (response.statusCode === 200) {
      const size = header(response, 'content-length');
      // A server that keeps snapshots in object storage can't send a part: the caller begins anew.
      return size !== undefined && Number(size) !== total ? 'its length differs' : 'whole';
    }
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header(response, 'content-range') ?? '');
    if (range && (Number(range[1]) !== received || (range[2] !== '*' && Number(range[2]) !== total)))
      return 'its length differs';
    return undefined;
  }

  const stream = Readable.from(bytes(), { objectMode: false, highWaterMark: 256 * 1024 });
  // A generator that waits for the network can't be ended from outside but by the abort of what it waits for.
  stream.once('close', () => {
    closed.abort();
    if (!first.body.destroyed) first.body.on('error', () => {}).destroy();
  });
  return stream;
}

function header(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
