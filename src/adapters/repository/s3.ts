import type { Readable } from 'node:stream';
import {
  type HeadObjectCommandOutput,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  S3,
} from '@aws-sdk/client-s3';
import type { S3Repository as Config } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { repositoryKey } from '../../model/manifest.ts';
import { FOLDERS, KEYS } from '../../model/names.ts';
import { descriptorText, ensureDescriptor } from './descriptor.ts';
import { requireKey } from './key.ts';
import { checksum } from './part-checksum.ts';
import type { DeleteOutcome, GetOptions, PutOptions, Repository, StoredObject } from './repository.ts';
import { resumedRead } from './resumed-read.ts';
import { isDenied, isKept, isMissing, isTaken, s3Code, s3Failure } from './s3-failure.ts';
import { keptAs, readResume, S3Upload } from './s3-upload.ts';

const OURS = [KEYS.descriptor, ...FOLDERS];

/** A bucket, or a folder in it, on AWS or any server that speaks S3. */
export class S3Repository implements Repository {
  readonly kind = 's3';
  readonly name: string;
  readonly location: string;
  readonly #config: Config;
  readonly #client: S3;
  readonly #prefix: string;
  readonly #conditions = { supported: true };

  constructor(config: Config) {
    this.name = config.name;
    this.#config = config;
    const folder = config.prefix.replace(/^\/+|\/+$/g, '');
    this.#prefix = folder === '' ? '' : `${folder}/`;
    this.location = `s3://${config.bucket}/${this.#prefix}`.replace(/\/$/, '');
    this.#client = connect(config);
  }

  async check(signal?: AbortSignal): Promise<void> {
    // A listing first: only requests with a body in the answer say what is wrong with bucket, region and keys.
    for await (const _ of this.list('', signal ? { signal } : {})) break;
    const descriptor = await ensureDescriptor(this, signal);
    await this.#requireWritable(descriptorText(descriptor), signal);
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async put(key: string, source: Readable, options: PutOptions = {}): Promise<StoredObject> {
    try {
      requireKey(key, this.name);
      const present = await this.#head(key, options.signal);
      const upload = new S3Upload({
        client: this.#client,
        config: this.#config,
        object: { Bucket: this.#config.bucket, Key: this.#prefix + key },
        key,
        options,
        conditions: this.#conditions,
        head: () => this.#head(key),
        failure: (error, doing) => s3Failure(error, this.#identity(), doing),
        exists: () => this.#exists(key),
      });
      return await upload.run(source, present);
    } finally {
      source.destroy();
    }
  }

  async abandonUpload(key: string, upload: string, signal?: AbortSignal): Promise<void> {
    requireKey(key, this.name);
    const begun = readResume(upload);
    if (begun) await this.#abort(this.#prefix + key, begun.uploadId, signal);
  }

  async get(key: string, options: GetOptions = {}): Promise<Readable> {
    requireKey(key, this.name);
    const { start = 0, end, signal } = options;
    const doing = `reading "${key}"`;
    let etag: string | undefined;
    const open = async (from: number) => {
      const whole = from === 0 && end === undefined;
      const request = {
        Bucket: this.#config.bucket,
        Key: this.#prefix + key,
        ...(whole ? {} : { Range: `bytes=${from}-${end ?? ''}` }),
        // What was begun on one object never goes on with another.
        ...(etag ? { IfMatch: etag } : {}),
      };
      const got = await this.#do(doing, () => this.#client.getObject(request, within(signal)));
      etag ??= got.ETag;
      return { body: got.Body as Readable, bytes: got.ContentLength ?? 0 };
    };
    const first = await open(start);
    return resumedRead(
      first.body,
      start,
      first.bytes,
      async (from) => (await open(from)).body,
      (error) => s3Failure(error, this.#identity(), doing),
      signal,
    );
  }

  async head(key: string): Promise<StoredObject | null> {
    requireKey(key, this.name);
    const found = await this.#head(key);
    return found && { key, bytes: found.ContentLength ?? 0, modifiedAt: found.LastModified ?? new Date(0) };
  }

  async *list(
    prefix: string,
    options: { after?: string; signal?: AbortSignal } = {},
  ): AsyncIterable<StoredObject> {
    let token: string | undefined;
    do {
      const request = {
        Bucket: this.#config.bucket,
        Prefix: this.#prefix + prefix,
        ...(options.after ? { StartAfter: this.#prefix + options.after } : {}),
        ...(token ? { ContinuationToken: token } : {}),
      };
      const page = await this.#do(`listing "${prefix}*"`, () =>
        this.#client.listObjectsV2(request, within(options.signal)),
      );
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(this.#prefix.length);
        // Folder markers and whatever else could not be a key of ours.
        if (!repositoryKey.safeParse(key).success) continue;
        yield { key, bytes: Size, modifiedAt: LastModified ?? new Date(0) };
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token);
  }

  async delete(key: string): Promise<DeleteOutcome> {
    requireKey(key, this.name);
    const found = await this.#head(key);
    if (!found) return 'absent';
    // In a versioned bucket a delete would "work" and only hide the object; as long as it is retained, say so.
    const retained = found.ObjectLockRetainUntilDate;
    if (found.ObjectLockLegalHoldStatus === 'ON' || (retained && retained.getTime() > Date.now()))
      return 'locked';
    try {
      await this.#client.deleteObject({ Bucket: this.#config.bucket, Key: this.#prefix + key });
      return 'deleted';
    } catch (error) {
      if (isKept(error)) return 'locked';
      if (isDenied(error)) return 'denied';
      if (isMissing(error)) return 'absent';
      throw s3Failure(error, this.#identity(), `deleting "${key}"`);
    }
  }

  async sweep(olderThanMs: number, signal?: AbortSignal): Promise<number> {
    let aborted = 0;
    let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
    while (true) {
      const request = { Bucket: this.#config.bucket, Prefix: this.#prefix, ...markers };
      const page = await this.#unfinished(request, signal);
      if (!page) return aborted;
      for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
        const key = Key.slice(this.#prefix.length);
        const isOurs = Key.startsWith(this.#prefix) && OURS.some((start) => key.startsWith(start));
        // Without a time it can't be told from one that is under way.
        if (!isOurs || !UploadId || !Initiated || Date.now() - Initiated.getTime() < olderThanMs) continue;
        if (await this.#abort(Key, UploadId, signal)) aborted += 1;
      }
      if (!page.IsTruncated || !page.NextKeyMarker) return aborted;
      markers = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
      };
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  /**
   * Write the descriptor that is already there once more. A store that knows conditions checks the credentials and then refuses. One that
   * ignores them keeps another version, perhaps a locked one, so it gets none after that: an upload is begun there and aborted.
   */
  async #requireWritable(Body: Buffer, signal: AbortSignal | undefined): Promise<void> {
    const Key = this.#prefix + KEYS.descriptor;
    // Some buckets refuse what does not say how it is to be kept.
    const object = { Bucket: this.#config.bucket, Key, ...keptAs(this.#config) };
    await this.#do('writing', async () => {
      if (this.#conditions.supported) {
        const again = { ...object, Body, ChecksumCRC32: checksum(Body), IfNoneMatch: '*' };
        try {
          await this.#client.putObject(again, within(signal));
          this.#conditions.supported = false;
          return;
        } catch (error) {
          if (isTaken(error)) return;
          if (s3Code(error) !== 'NotImplemented') throw error;
          this.#conditions.supported = false;
        }
      }
      const begun = { ...object, ChecksumAlgorithm: 'CRC32' as const };
      const { UploadId } = await this.#client.createMultipartUpload(begun, within(signal));
      if (UploadId) await this.#abort(Key, UploadId, signal);
    });
  }

  /** Unfinished uploads; nothing for credentials that may not see them: those leave them to the bucket's lifecycle rule. */
  async #unfinished(
    request: ListMultipartUploadsCommandInput,
    signal: AbortSignal | undefined,
  ): Promise<ListMultipartUploadsCommandOutput | undefined> {
    try {
      return await this.#client.listMultipartUploads(request, within(signal));
    } catch (error) {
      if (s3Code(error) === 'AccessDenied') return undefined;
      throw s3Failure(error, this.#identity(), 'listing unfinished uploads');
    }
  }

  async #abort(Key: string, UploadId: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#client.abortMultipartUpload({ Bucket: this.#config.bucket, Key, UploadId }, within(signal));
      return true;
    } catch (error) {
      // Ended in the meantime, or left to the bucket's lifecycle rule by credentials that may only add.
      if (isMissing(error) || isDenied(error)) return false;
      throw s3Failure(error, this.#identity(), 'aborting an unfinished upload');
    }
  }

  async #head(key: string, signal?: AbortSignal): Promise<HeadObjectCommandOutput | null> {
    const object = { Bucket: this.#config.bucket, Key: this.#prefix + key };
    try {
      return await this.#client.headObject(object, within(signal));
    } catch (error) {
      if (isMissing(error)) return null;
      const doing = `looking for "${key}"`;
      // The answer to HEAD has no body that says why; that to a listing has.
      if (isDenied(error)) {
        const { Bucket } = object;
        await this.#do(doing, () => this.#client.listObjectsV2({ Bucket, MaxKeys: 1 }, within(signal)));
      }
      throw s3Failure(error, this.#identity(), doing);
    }
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Failure(error, this.#identity(), doing);
    }
  }

  #identity(): { name: string; location: string; region: string } {
    return { name: this.name, location: this.location, region: this.#config.region };
  }

  #exists(key: string): LifeboatError {
    return new LifeboatError(
      'KeyExists',
      `"${key}" is already in the repository "${this.name}" (${this.location}), where nothing is ever overwritten.`,
    );
  }
}

const within = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});

function connect(config: Config): S3 {
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  const client = new S3({
    region: config.region,
    forcePathStyle: config.pathStyle,
    ...(config.endpoint ? { endpoint: config.endpoint } : {}),
    ...(accessKeyId && secretAccessKey
      ? {
          credentials: {
            accessKeyId: accessKeyId.reveal(),
            secretAccessKey: secretAccessKey.reveal(),
            ...(sessionToken ? { sessionToken: sessionToken.reveal() } : {}),
          },
        }
      : {}),
    // Parts bring their own checksum; what is read is compared with the manifest's.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: 10_000,
      socketTimeout: 60_000,
      httpAgent: { maxSockets: config.concurrency + 8 },
      httpsAgent: { maxSockets: config.concurrency + 8 },
    },
  });
  // The client learns from a refusal how far its clock is off, and tries again; but not after a clock that was off was set right again.
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (s3Code(error) !== 'RequestTimeTooSkewed') throw error;
        return await next(args);
      }
    },
    { step: 'build', priority: 'low', name: 'againWithTheRightTime' },
  );
  return client;
}
