import type { Readable } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';
import { type DownloadOptions, download } from './download.ts';
import type { QdrantHttp } from './http.ts';
import { at } from './path.ts';
import type { Asking, Qdrant, Snapshot } from './qdrant.ts';
import { multipartOf, type UploadOptions } from './upload.ts';

/** Snapshots of one node. */
export function snapshotCalls(
  http: QdrantHttp,
): Pick<
  Qdrant,
  | 'snapshotsRunning'
  | 'recoveriesRunning'
  | 'createSnapshot'
  | 'listSnapshots'
  | 'downloadSnapshot'
  | 'deleteSnapshot'
  | 'uploadSnapshot'
> {
  return {
    snapshotsRunning: (collection: string, options: Asking = {}) =>
      running(http, 'snapshot_creation_running', collection, options),

    recoveriesRunning: (collection: string, options: Asking = {}) =>
      running(http, 'snapshot_recovery_running', collection, options),

    createSnapshot(collection: string, options: Asking = {}): Promise<Snapshot> {
      return http.result({
        method: 'POST',
        path: `${at(collection)}/snapshots?wait=true`,
        doing: `taking a snapshot of "${collection}"`,
        collection,
        works: true,
        ...options,
      });
    },

    listSnapshots(collection: string, options: Asking = {}): Promise<Snapshot[]> {
      const doing = `listing the snapshots of "${collection}"`;
      return http.result({
        method: 'GET',
        path: `${at(collection)}/snapshots`,
        doing,
        collection,
        ...options,
      });
    },

    downloadSnapshot(collection: string, snapshot: string, options: DownloadOptions = {}): Promise<Readable> {
      const doing = `downloading the snapshot "${snapshot}" of "${collection}"`;
      const path = `${at(collection)}/snapshots/${encodeURIComponent(snapshot)}`;
      return download(http, { path, doing, collection, snapshot }, options);
    },

    async deleteSnapshot(collection: string, snapshot: string, options: Asking = {}): Promise<boolean> {
      try {
        return await http.result<boolean>({
          method: 'DELETE',
          path: `${at(collection)}/snapshots/${encodeURIComponent(snapshot)}?wait=true`,
          doing: `deleting the snapshot "${snapshot}" of "${collection}"`,
          collection,
          snapshot,
          works: true,
          ...options,
        });
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },

    async uploadSnapshot(collection: string, options: UploadOptions): Promise<void> {
      const { timeouts } = http;
      const ending = new AbortController();
      const doing = `uploading a snapshot of ${options.bytes} bytes to "${collection}"`;
      const { body, headers } = multipartOf(options, timeouts.idle, () => {
        ending.abort(
          new LifeboatError(
            'QdrantUnreachable',
            `${http.server} has taken nothing for ${timeouts.idle / 1000} s when ${doing}. Check the network and the server's disk.`,
          ),
        );
      });
      // The first failure of the source is what happened; undici may say only that the body ended early.
      let cause: unknown;
      body.once('error', (error) => {
        cause = error;
      });
      const cancelled = () => {
        if (!body.readableEnded) ending.abort(options.signal?.reason);
      };
      const left = () => ending.abort(options.leave?.reason);
      options.signal?.addEventListener('abort', cancelled);
      options.leave?.addEventListener('abort', left);
      if (options.signal?.aborted) cancelled();
      const query = new URLSearchParams({ priority: options.priority, wait: 'true' });
      if (options.checksum !== undefined) query.set('checksum', options.checksum);
      try {
        await http.result<boolean>({
          method: 'POST',
          path: `${at(collection)}/snapshots/upload?${query}`,
          body,
          headers,
          doing,
          collection,
          works: true,
          signal: ending.signal,
        });
      } catch (error) {
        throw cause instanceof LifeboatError ? cause : error;
      } finally {
        options.signal?.removeEventListener('abort', cancelled);
        options.leave?.removeEventListener('abort', left);
        body.destroy();
        options.source.destroy();
      }
    },
  };
}

/** What a gauge of the server says of a collection; null where there is none. */
async function running(
  http: QdrantHttp,
  name: string,
  collection: string,
  options: Asking,
): Promise<number | null> {
  const doing = `asking what is going on in "${collection}"`;
  const text = await http
    .text({ method: 'GET', path: '/metrics', doing, ...options })
    .catch((error: unknown) => {
      // A proxy or a narrow key may keep the metrics from us; that is no reason to fail.
      if (error instanceof LifeboatError && !error.retryable) return '';
      throw error;
    });
  const gauge = text.split('\n').filter((line) => line.startsWith(name));
  if (gauge.length === 0) return null;
  const label = `="${collection.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
  const own = gauge.filter((line) => line.includes(label)).map((line) => Number(line.split(' ').at(-1)));
  return own.reduce((sum, value) => sum + value, 0);
}

function isMissing(error: unknown): boolean {
  return error instanceof LifeboatError && ['SnapshotNotFound', 'CollectionNotFound'].includes(error.type);
}
