import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type Bucket, type File, type FileMetadata, Storage } from '@google-cloud/storage';
import type { GcsRepository as Config } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { repositoryKey } from '../../model/manifest.ts';
import { KEYS } from '../../model/names.ts';
import { buffers } from './buffers.ts';
import { descriptorText, ensureDescriptor } from './descriptor.ts';
import { gcsFailure, gcsStatus } from './gcs-failure.ts';
import { requireKey } from './key.ts';
import type { DeleteOutcome, GetOptions, PutOptions, Repository, StoredObject } from './repository.ts';
import { resumedRead } from './resumed-read.ts';

/** What the client sends at a time and keeps in memory to send again (bytes); a multiple of 256 KiB. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const DAY_SECONDS = 24 * 60 * 60;

const ABSENT = { preconditionOpts: { ifGenerationMatch: 0 } } as const;

/** A bucket of Google Cloud Storage, or a folder in it. Uploads of a dead process are dropped by Google itself, after a week. */
export class GcsRepository implements Repository {
  readonly kind = 'gcs';
  readonly name: string;
  readonly location: string;
  readonly #bucket: Bucket;
  /** The same for uploads, which last long: the library counts tries and time from the beginning of the whole upload. */
  readonly #uploads: Bucket;
  readonly #prefix: string;
  /** An emulator wants no credentials. */
  readonly #isAnonymous: boolean;

  constructor(config: Config) {
    this.name = config.name;
    const folder = config.prefix.replace(/^\/+|\/+$/g, '');
    this.#prefix = folder === '' ? '' : `${folder}/`;
    this.location = `gs://${config.bucket}/${this.#prefix}`.replace(/\/$/, '');
    this.#isAnonymous = config.endpoint !== undefined && config.credentials === undefined;
    this.#bucket = connect(config, { maxRetries: 3, totalTimeout: 60 }).bucket(config.bucket);
    this.#uploads = connect(config, { maxRetries: 1000, totalTimeout: DAY_SECONDS }).bucket(config.bucket);
  }

  async check(signal?: AbortSignal): Promise<void> {
    for await (const _ of this.list('', signal ? { signal } : {})) break;
    const descriptor = await ensureDescriptor(this, signal);
    // Once more on the same key: the store checks the credentials first, and refuses then because the key is taken.
    const written = this.#file(KEYS.descriptor).save(descriptorText(descriptor), {
      resumable: false,
      ...ABSENT,
    });
    await this.#do('writing', () =>
      written.catch((error: unknown) => {
        if (gcsStatus(error) !== 412) throw error;
      }),
    );
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async put(key: string, source: Readable, options: PutOptions = {}): Promise<StoredObject> {
    const doing = `writing "${key}"`;
    let destination: Writable | undefined;
    // Whichever broke first brings down the other with the same error.
    let broken: 'source' | 'store' | undefined;
    let refusal: unknown;
    source.once('error', () => {
      broken ??= 'source';
    });
    try {
      requireKey(key, this.name);
      if (await this.head(key)) throw this.#exists(key);
      let bytes = 0;
      const file = this.#uploads.file(this.#file(key).name);
      const size = options.bytes ?? Number.POSITIVE_INFINITY;
      destination = file.createWriteStream({
        resumable: size > CHUNK_BYTES,
        validation: 'crc32c',
        ...(size > CHUNK_BYTES ? { chunkSize: CHUNK_BYTES } : {}),
        ...ABSENT,
      });
      destination.on('error', (error) => {
        broken ??= 'store';
        refusal ??= error;
      });
      const count = async function* (chunks: AsyncIterable<unknown>) {
        for await (const chunk of buffers(chunks)) {
          yield chunk;
          bytes += chunk.length;
          options.onProgress?.(bytes);
        }
      };
      await pipeline(source, count, destination, options.signal ? { signal: options.signal } : {});
      return await this.#requireWhole(key, bytes);
    } catch (error) {
      if (broken === 'store' && gcsStatus(refusal) === 412) throw this.#exists(key);
      // What the source or the caller ended it with is theirs.
      throw broken === 'store' && error === refusal ? gcsFailure(error, this, doing) : error;
    } finally {
      source.destroy();
      destination?.destroy();
    }
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    requireKey(key, this.name);
    const { start = 0, end, signal } = options;
    const found = await this.#metadata(key);
    if (!found) {
      throw new LifeboatError(
        'KeyNotFound',
        `There is no "${key}" in the repository "${this.name}" (${this.location}).`,
      );
    }
    const last = Math.min(end ?? Infinity, Number(found.size) - 1);
    const bytes = Math.max(last - start + 1, 0);
    if (bytes === 0) return Readable.from([], { objectMode: false });
    const failure = (error: unknown) => gcsFailure(error, this, `reading "${key}"`);
    // What was begun on one object never goes on with another.
    const generation = String(found.generation);
    const open = async (from: number) => {
      try {
        return await this.#download(key, generation, { from, last }, signal);
      } catch (error) {
        throw failure(error);
      }
    };
    return resumedRead(await open(start), start, bytes, open, failure, signal);
  }

  async head(key: string): Promise<StoredObject | null> {
    requireKey(key, this.name);
    const found = await this.#metadata(key);
    return found && stored(key, found);
  }

  async *list(
    prefix: string,
    options: { after?: string; signal?: AbortSignal } = {},
  ): AsyncIterable<StoredObject> {
    let pageToken: string | undefined;
    do {
      options.signal?.throwIfAborted();
      const query = {
        prefix: this.#prefix + prefix,
        autoPaginate: false,
        ...(options.after ? { startOffset: this.#prefix + options.after } : {}),
        ...(pageToken ? { pageToken } : {}),
      };
      const [files, next] = await this.#do(`listing "${prefix}*"`, () => this.#bucket.getFiles(query));
      for (const { name, metadata } of files) {
        const key = name.slice(this.#prefix.length);
        // `startOffset` includes the key itself; folder markers and the like could not be keys of ours.
        if (key !== options.after && repositoryKey.safeParse(key).success) yield stored(key, metadata);
      }
      pageToken = (next as { pageToken?: string } | null)?.pageToken;
    } while (pageToken);
  }

  async delete(key: string): Promise<DeleteOutcome> {
    requireKey(key, this.name);
    try {
      await this.#file(key).delete();
      return 'deleted';
    } catch (error) {
      const status = gcsStatus(error);
      // A hold or a retention rule is answered with the same status; only a missing right names the right.
      if (status === 403)
        return (error as Error).message.includes('storage.objects.delete') ? 'denied' : 'locked';
      if (status === 404) {
        // The same answer for a missing bucket: that is no success.
        for await (const _ of this.list(key)) break;
        return 'absent';
      }
      throw gcsFailure(error, this, `deleting "${key}"`);
    }
  }

  async sweep(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}

  /** The client compares CRC-32C by itself; the size is compared here, against a cut that went unnoticed. */
  async #requireWhole(key: string, bytes: number): Promise<StoredObject> {
    const found = await this.head(key);
    if (found?.bytes === bytes) return found;
    throw new LifeboatError(
      'RepositoryUnreachable',
      `The store took ${bytes} bytes for "${key}" and says that it has ${found?.bytes ?? 'none'}: it is not to be trusted with this object.`,
    );
  }

  /** Not by the client's own stream: when a connection is cut, that one neither ends nor fails. */
  async #download(
    key: string,
    generation: string,
    { from, last }: { from: number; last: number },
    signal: AbortSignal | undefined,
  ): Promise<Readable> {
    const { storage, name } = this.#bucket;
    const object = `b/${encodeURIComponent(name)}/o/${encodeURIComponent(this.#prefix + key)}`;
    const url = `${storage.apiEndpoint}/storage/v1/${object}?alt=media&generation=${generation}`;
    const authorization = this.#isAnonymous ? {} : await storage.authClient.getRequestHeaders(url);
    const headers = { ...authorization, range: `bytes=${from}-${last}`, 'accept-encoding': 'identity' };
    const answer = await fetch(url, { headers, ...(signal ? { signal } : {}) });
    if (answer.ok && answer.body) return Readable.fromWeb(answer.body as ReadableStream);
    await answer.body?.cancel();
    throw Object.assign(new Error(`status ${answer.status}`), { code: answer.status });
  }

  async #metadata(key: string): Promise<FileMetadata | null> {
    return await this.#do(`looking for "${key}"`, async () => {
      try {
        return (await this.#file(key).getMetadata())[0];
      } catch (error) {
        if (gcsStatus(error) === 404) return null;
        throw error;
      }
    });
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw gcsFailure(error, this, doing);
    }
  }

  #file(key: string): File {
    return this.#bucket.file(this.#prefix + key);
  }

  #exists(key: string): LifeboatError {
    return new LifeboatError(
      'KeyExists',
      `"${key}" is already in the repository "${this.name}" (${this.location}), where nothing is ever overwritten.`,
    );
  }
}

const stored = (key: string, metadata: FileMetadata): StoredObject => ({
  key,
  bytes: Number(metadata.size ?? 0),
  modifiedAt: new Date(metadata.updated ?? 0),
});

function connect(config: Config, retries: { maxRetries: number; totalTimeout: number }): Storage {
  const options = {
    ...(config.endpoint ? { apiEndpoint: config.endpoint } : {}),
    // A private endpoint wants the same credentials; without them it is an emulator.
    ...(config.endpoint && config.credentials ? { useAuthWithCustomEndpoint: true } : {}),
    retryOptions: { autoRetry: true, ...retries },
  };
  if (!config.credentials) return new Storage({ projectId: 'lifeboat', ...options });
  let credentials: { client_email?: string; private_key?: string; project_id?: string };
  try {
    credentials = JSON.parse(config.credentials.reveal());
  } catch {
    // Without the cause: its text quotes what it could not read.
    throw new LifeboatError(
      'InvalidConfiguration',
      `The credentials of the repository "${config.name}" are not JSON: give the file of a service account's key, whole.`,
    );
  }
  return new Storage({ projectId: credentials.project_id ?? 'lifeboat', credentials, ...options });
}
