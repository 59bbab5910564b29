import { randomUUID } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import {
  access,
  type FileHandle,
  link,
  lstat,
  open,
  readdir,
  rename,
  rmdir,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DirectoryRepository as Config } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { FOLDERS } from '../../model/names.ts';
import { buffers } from './buffers.ts';
import { ensureDescriptor } from './descriptor.ts';
import {
  entriesBelow,
  makeFolders,
  openRealFile,
  PARTIAL,
  requireRealFolders,
  syncFolder,
} from './directory-tree.ts';
import { fileFailure, hasCode } from './file-failure.ts';
import { requireKey } from './key.ts';
import type { DeleteOutcome, GetOptions, PutOptions, Repository, StoredObject } from './repository.ts';

const READ_BYTES = 1024 * 1024;

/**
 * So much is written before the disk is told to begin (bytes): it then works while the rest is still read and hashed, and the memory that
 * the machine's databases need as their cache is not filled with what waits to be written.
 */
const FLUSH_BYTES = 32 * 1024 * 1024;

/**
 * A folder on a local disk or mount. An object appears under its key by a hard link from a temporary file that is already
 * on the disk, so a crash shows the whole object or none of it; what else lies in the folder is never touched.
 */
export class DirectoryRepository implements Repository {
  readonly kind = 'directory';
  readonly name: string;
  readonly location: string;
  readonly #root: string;
  readonly #mounted: boolean;

  constructor(config: Config) {
    this.name = config.name;
    this.#root = config.path;
    this.#mounted = config.mountpoint ?? false;
    this.location = `directory ${config.path}`;
  }

  async check(signal?: AbortSignal): Promise<void> {
    await this.#requireRoot();
    await this.#do('writing to the folder', () => access(this.#root, constants.W_OK | constants.X_OK));
    await ensureDescriptor(this, signal);
  }

  async freeBytes(): Promise<number> {
    await this.#requireRoot();
    const free = await this.#do('reading its free space', () => statfs(this.#root));
    return free.bavail * free.bsize;
  }

  async put(key: string, source: Readable, options: PutOptions = {}): Promise<StoredObject> {
    try {
      requireKey(key, this.name);
      await this.#requireRoom(key, options.bytes);
      if (await this.head(key)) throw this.#exists(key);
      return await this.#write(key, source, options);
    } finally {
      if (!source.destroyed) source.destroy();
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    requireKey(key, this.name);
    const handle = await this.#do(`reading "${key}"`, async () => {
      try {
        return await openRealFile(this.#root, key);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
        await this.#requireRoot();
        throw new LifeboatError(
          'KeyNotFound',
          `There is no "${key}" in the repository "${this.name}" (${this.location}).`,
        );
      }
    });
    const stream = Readable.from(this.#read(handle, key, options.start ?? 0, options.end ?? Infinity), {
      // Chunk by chunk: a stream of bytes would join what waits in it, a copy for nothing.
      objectMode: true,
      highWaterMark: 2,
    });
    // A stream that is destroyed before its first read never enters the generator: its `finally` would not run.
    stream.once('close', () => void handle.close().catch(() => {}));
    return options.signal ? addAbortSignal(options.signal, stream) : stream;
  }

  async head(key: string): Promise<StoredObject | null> {
    requireKey(key, this.name);
    return await this.#do(`reading "${key}"`, async () => {
      try {
        await requireRealFolders(this.#root, key);
        const found = await lstat(join(this.#root, key));
        return found.isFile() ? stored(key, found) : null;
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
        await this.#requireRoot();
        return null;
      }
    });
  }

  async *list(
    prefix: string,
    options: { after?: string; signal?: AbortSignal } = {},
  ): AsyncIterable<StoredObject> {
    await this.#requireRoot();
    const below = entriesBelow(this.#root, prefix, options.after ?? '');
    while (true) {
      options.signal?.throwIfAborted();
      const next = await this.#do(`listing "${prefix}*"`, () => below.next());
      if (next.done) return;
      const found = await this.#do(`listing "${prefix}*"`, () =>
        Promise.all(next.value.map(async (key) => ({ key, stats: await this.#lstat(key) }))),
      );
      for (const { key, stats } of found) if (stats?.isFile()) yield stored(key, stats);
    }
  }

  async delete(key: string): Promise<DeleteOutcome> {
    requireKey(key, this.name);
    try {
      await requireRealFolders(this.#root, key);
      await unlink(join(this.#root, key));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) {
        await this.#requireRoot();
        return 'absent';
      }
      // A folder is no object.
      if (hasCode(error, 'EISDIR', 'ENOTDIR')) return 'absent';
      if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return 'locked';
      throw fileFailure(error, this.name, this.location, `deleting "${key}"`);
    }
    await this.#removeEmptyFolders(key);
    return 'deleted';
  }

  async sweep(olderThanMs: number, signal?: AbortSignal): Promise<number> {
    await this.#requireRoot();
    const isPartial = (entry: Dirent) => entry.isFile() && PARTIAL.test(entry.name);
    let removed = 0;
    const inRoot = async () => await readdir(this.#root, { withFileTypes: true });
    const atTop = await this.#do('looking for temporary files', inRoot);
    // What else lies in the folder is somebody else's, and perhaps not to be read: `lost+found` at the root of a disk.
    const pages = async function* (root: string) {
      yield atTop.filter(isPartial).map(({ name }) => name);
      for (const folder of FOLDERS) yield* entriesBelow(root, folder, '', isPartial);
    };
    for await (const keys of pages(this.#root)) {
      for (const key of keys) {
        signal?.throwIfAborted();
        const found = await this.#lstat(key);
        if (!found || Date.now() - found.mtimeMs < olderThanMs) continue;
        await this.#do(`deleting the temporary file "${key}"`, () => unlink(join(this.#root, key)));
        await this.#removeEmptyFolders(key);
        removed += 1;
      }
    }
    return removed;
  }

  async close(): Promise<void> {}

  async #write(key: string, source: Readable, options: PutOptions): Promise<StoredObject> {
    const target = join(this.#root, key);
    const partial = join(dirname(target), `.lifeboat-${randomUUID()}.partial`);
    const doing = `writing "${key}"`;
    const handle = await this.#do(doing, () => this.#openPartial(key, partial));
    try {
      await pipeline(
        source,
        async (chunks: AsyncIterable<unknown>) => {
          let bytes = 0;
          let flushed = 0;
          let flushing: Promise<void> | undefined;
          try {
            for await (const chunk of buffers(chunks)) {
              await this.#do(doing, () => writeAll(handle, chunk));
              bytes += chunk.byteLength;
              options.onProgress?.(bytes);
              if (bytes - flushed < FLUSH_BYTES) continue;
              flushed = bytes;
              await flushing;
              flushing = this.#do(doing, () => handle.datasync());
              flushing.catch(() => {});
            }
          } finally {
            // Its handle is closed next; what failed, the sync at the end would not tell again.
            await flushing;
          }
        },
        options.signal ? { signal: options.signal } : {},
      );
      return await this.#do(doing, async () => {
        await handle.sync();
        await this.#publish(key, partial, target);
        const found = await handle.stat();
        await syncFolder(dirname(target));
        return stored(key, found);
      });
    } finally {
      await handle.close().catch(() => {});
      await unlink(partial).catch(() => {});
    }
  }

  /** The folder may be removed as empty by a pruner between its making and the file's: then it is made again. */
  async #openPartial(key: string, partial: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await makeFolders(this.#root, key);
        return await open(partial, 'wx', 0o640);
      } catch (error) {
        if (attempt === 5 || !hasCode(error, 'ENOENT')) throw error;
      }
    }
  }

  /** `link` refuses an existing name in one step. File systems without hard links get the next best: look, then rename. */
  async #publish(key: string, partial: string, target: string): Promise<void> {
    try {
      await link(partial, target);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) throw this.#exists(key);
      if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error;
      if (await this.#lstat(key)) throw this.#exists(key);
      await rename(partial, target);
    }
  }

  async *#read(handle: FileHandle, key: string, start: number, end: number): AsyncGenerator<Buffer> {
    const { size } = await this.#do(`reading "${key}"`, () => handle.stat());
    let position = start;
    while (position <= end && position < size) {
      const wanted = Math.min(READ_BYTES, Math.min(end + 1, size) - position);
      const { bytesRead, buffer } = await this.#do(`reading "${key}"`, () =>
        handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position),
      );
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #removeEmptyFolders(key: string): Promise<void> {
    for (let folder = dirname(key); folder.includes('/'); folder = dirname(folder)) {
      try {
        await rmdir(join(this.#root, folder));
      } catch {
        return;
      }
    }
  }

  async #requireRoom(key: string, bytes: number | undefined): Promise<void> {
    const free = await this.freeBytes();
    if (bytes === undefined || bytes <= free) return;
    throw new LifeboatError(
      'InsufficientSpace',
      `"${key}" needs ${bytes} bytes, and the repository "${this.name}" (${this.location}) has ${free} free: free some, prune old sets, or use a larger disk.`,
      { details: { needed: bytes, free } },
    );
  }

  async #requireRoot(): Promise<void> {
    const found = await this.#do('reading the folder', () => stat(this.#root).catch(unlessMissing));
    if (found?.isDirectory()) return await this.#requireMount(found);
    throw new LifeboatError(
      'RepositoryNotFound',
      `The folder ${this.#root} of the repository "${this.name}" ${found ? 'is not a folder' : 'does not exist'}: create it, mount it into the worker, or correct its path.`,
    );
  }

  /** The folder below a disk that is not mounted looks like a repository in which nothing was ever written. */
  async #requireMount(root: Stats): Promise<void> {
    if (!this.#mounted) return;
    const above = await this.#do('reading the folder', () => stat(`${this.#root}/..`));
    // The root of all is above itself.
    if (root.dev !== above.dev || root.ino === above.ino) return;
    throw new LifeboatError(
      'RepositoryUnreachable',
      `The disk of the repository "${this.name}" is not mounted: ${this.#root} is on the same disk as the folder above it. Mount it there, or take "mountpoint: true" away from the repository.`,
    );
  }

  #exists(key: string): LifeboatError {
    return new LifeboatError(
      'KeyExists',
      `"${key}" is already in the repository "${this.name}" (${this.location}), where nothing is ever overwritten.`,
    );
  }

  async #lstat(key: string): Promise<Stats | null> {
    return await lstat(join(this.#root, key)).catch(unlessMissing);
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, this.name, this.location, doing);
    }
  }
}

const stored = (key: string, stats: Stats): StoredObject => ({
  key,
  bytes: stats.size,
  modifiedAt: stats.mtime,
});

function unlessMissing(error: unknown): null {
  if (hasCode(error, 'ENOENT')) return null;
  throw error;
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.byteLength - offset);
    offset += bytesWritten;
  }
}
