import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CompletedPart, HeadObjectCommandOutput, Part as ListedPart, S3 } from '@aws-sdk/client-s3';
import type { S3Repository as Config } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { buffers } from './buffers.ts';
import { checksum, isSame } from './part-checksum.ts';
import { type Part, PartReader, partSizes } from './part-reader.ts';
import type { PutOptions, StoredObject } from './repository.ts';
import { isMissing, isTaken, s3Code } from './s3-failure.ts';
import { SourceChanged } from './source-changed.ts';

/** Metadata on every object: which upload made it. Tells one's own finished upload from somebody else's object. */
const TOKEN = 'lifeboat-upload';

const DAY_MS = 24 * 60 * 60 * 1000;

interface Job {
  client: S3;
  config: Config;
  object: { Bucket: string; Key: string };
  key: string;
  options: PutOptions;
  /** Whether the server takes conditional writes, and heeds them; shared by all uploads of a repository, which find it out like its check. */
  conditions: { supported: boolean };
  head: () => Promise<HeadObjectCommandOutput | null>;
  failure: (error: unknown, doing: string) => unknown;
  exists: () => LifeboatError;
}

/**
 * One object on its way to S3: small ones in a single request, others in parts, several at the same time. Each part carries its
 * CRC-32, which the server compares with what it got. The parts of an upload that failed are removed, unless it can be resumed.
 */
export class S3Upload {
  readonly #job: Job;
  readonly #parts: PartReader;
  readonly #stop = new AbortController();
  readonly #sending = new Set<Promise<void>>();
  readonly #done: CompletedPart[] = [];
  #token: string;
  #uploadId: string | undefined;
  #acknowledged = 0;
  /** Whether the server keeps the parts' checksums; then it wants those of all parts in the end, and else of none. */
  #knowsChecksums = false;
  #failure: unknown;
  #present = new Map<number, ListedPart>();

  constructor(job: Job) {
    this.#job = job;
    this.#parts = new PartReader(partSizes(job.config.partBytes, job.options.bytes ?? job.options.atMost));
    const resumed = readResume(job.options.resume?.uploadId);
    this.#token = resumed?.token ?? randomUUID();
    this.#uploadId = resumed?.uploadId;
  }

  async run(source: Readable, present: HeadObjectCommandOutput | null): Promise<StoredObject> {
    if (present) return await this.#alreadyThere(source, present);
    const { signal } = this.#job.options;
    const stop = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    try {
      let stored: StoredObject | undefined;
      await pipeline(
        source,
        async (chunks: AsyncIterable<unknown>) => {
          stored = await this.#send(buffers(chunks), stop);
        },
        { signal: stop },
      );
      return stored!;
    } catch (error) {
      const first = this.#failure ?? error;
      this.#stop.abort();
      await Promise.allSettled(this.#sending);
      if (this.#isOver(first)) await this.#abort();
      throw first;
    }
  }

  async #send(chunks: AsyncIterable<Buffer>, stop: AbortSignal): Promise<StoredObject> {
    for await (const part of this.#parts.read(chunks)) {
      if (part.number === 1) {
        if (part.last) return await this.#single(part.body, stop);
        await this.#begin(part, stop);
      }
      while (this.#sending.size >= this.#job.config.concurrency) await Promise.race(this.#sending);
      const sending: Promise<void> = this.#sendPart(part, stop)
        .catch((error: unknown) => {
          this.#failure ??= error;
          this.#stop.abort();
        })
        .finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
    await Promise.all(this.#sending);
    if (this.#failure !== undefined) throw this.#failure;
    return await this.#complete(stop);
  }

  async #single(body: Buffer, abortSignal: AbortSignal): Promise<StoredObject> {
    // What an earlier attempt left was a larger object.
    if (this.#uploadId && this.#job.options.resume?.requireSame) throw new SourceChanged(this.#job.key);
    if (this.#uploadId) await this.#abort();
    const request = { ...this.#job.object, ...this.#kept(), Body: body, ChecksumCRC32: checksum(body) };
    try {
      await this.#onlyIfAbsent((condition) =>
        this.#job.client.putObject({ ...request, ...condition }, { abortSignal }),
      );
    } catch (error) {
      if (!isTaken(error) || !(await this.#isOwn())) throw this.#failed(error, `writing "${this.#job.key}"`);
    }
    this.#job.options.onProgress?.(body.length);
    return { key: this.#job.key, bytes: body.length, modifiedAt: new Date() };
  }

  /** Goes on with the earlier upload, if it is still there and was cut in the same way, or begins one. */
  async #begin(first: Part, abortSignal: AbortSignal): Promise<void> {
    if (this.#uploadId && (await this.#readPresent(this.#uploadId, abortSignal))) {
      const begun = this.#present.get(1);
      if (!begun || begun.Size === first.body.length) return;
      await this.#abort();
    }
    this.#present = new Map();
    this.#token = randomUUID();
    const request = { ...this.#job.object, ...this.#kept(), ChecksumAlgorithm: 'CRC32' as const };
    const created = await this.#do(`beginning to write "${this.#job.key}"`, () =>
      this.#job.client.createMultipartUpload(request, { abortSignal }),
    );
    this.#uploadId = created.UploadId;
    await this.#job.options.resume?.onUpload?.(`${this.#token}/${this.#uploadId}`);
  }

  async #readPresent(UploadId: string, abortSignal: AbortSignal): Promise<boolean> {
    let marker: string | undefined;
    do {
      const request = {
        ...this.#job.object,
        UploadId,
        ...(marker ? { PartNumberMarker: marker } : {}),
      };
      try {
        const page = await this.#job.client.listParts(request, { abortSignal });
        for (const part of page.Parts ?? []) this.#present.set(part.PartNumber ?? 0, part);
        marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
      } catch (error) {
        if (isMissing(error) || s3Code(error) === 'NoSuchUpload') return false;
        throw this.#failed(error, `looking for the parts of "${this.#job.key}" that are there`);
      }
    } while (marker);
    return true;
  }

  async #sendPart(part: Part, abortSignal: AbortSignal): Promise<void> {
    const sum = checksum(part.body);
    await this.#job.options.resume?.sending?.({ number: part.number, bytes: part.body.length, sum });
    const present = this.#present.get(part.number);
    if (present && isSame(present, part.body, sum)) {
      this.#knowsChecksums = true;
      this.#accept(part, present.ETag, sum);
      return;
    }
    if (present && this.#job.options.resume?.requireSame) throw new SourceChanged(this.#job.key);
    const sent = await this.#do(`writing part ${part.number} of "${this.#job.key}"`, () =>
      this.#job.client.uploadPart(
        {
          ...this.#job.object,
          UploadId: this.#uploadId,
          PartNumber: part.number,
          Body: part.body,
          ChecksumCRC32: sum,
        },
        { abortSignal },
      ),
    );
    this.#knowsChecksums ||= sent.ChecksumCRC32 !== undefined;
    this.#accept(part, sent.ETag, sum);
  }

  #accept(part: Part, ETag: string | undefined, ChecksumCRC32: string): void {
    this.#done.push({ PartNumber: part.number, ETag, ChecksumCRC32 });
    this.#acknowledged += part.body.length;
    this.#parts.release(part);
    this.#job.options.onProgress?.(this.#acknowledged);
  }

  async #complete(abortSignal: AbortSignal): Promise<StoredObject> {
    const Parts = this.#done
      .toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0))
      .map(({ PartNumber, ETag, ...sum }) => ({ PartNumber, ETag, ...(this.#knowsChecksums ? sum : {}) }));
    const request = { ...this.#job.object, UploadId: this.#uploadId, MultipartUpload: { Parts } };
    const doing = `completing "${this.#job.key}"`;
    try {
      await this.#onlyIfAbsent((condition) =>
        this.#job.client.completeMultipartUpload({ ...request, ...condition }, { abortSignal }),
      );
    } catch (error) {
      // The answer to a first try may have been lost: then the object is there, and the second try finds it taken or its parts gone.
      const mayBeOwn = isTaken(error) || s3Code(error) === 'NoSuchUpload';
      if (!mayBeOwn || !(await this.#isOwn())) throw this.#failed(error, doing);
    }
    const found = await this.#job.head();
    if (found?.ContentLength === this.#acknowledged) {
      return { key: this.#job.key, bytes: this.#acknowledged, modifiedAt: found.LastModified ?? new Date() };
    }
    throw new LifeboatError(
      'RepositoryUnreachable',
      `The store took ${this.#acknowledged} bytes for "${this.#job.key}" and says that it has ${found?.ContentLength ?? 'none'}: it is not to be trusted with this object.`,
    );
  }

  /** With the condition that the key is free; a server that does not know or heed conditions is asked just before instead. */
  async #onlyIfAbsent(send: (condition: { IfNoneMatch?: string }) => Promise<unknown>): Promise<void> {
    if (this.#job.conditions.supported) {
      try {
        await send({ IfNoneMatch: '*' });
        return;
      } catch (error) {
        if (s3Code(error) !== 'NotImplemented') throw error;
        this.#job.conditions.supported = false;
      }
    }
    if (await this.#job.head()) throw this.#job.exists();
    await send({});
  }

  async #alreadyThere(source: Readable, present: HeadObjectCommandOutput): Promise<StoredObject> {
    if (!this.#uploadId || present.Metadata?.[TOKEN] !== this.#token) throw this.#job.exists();
    // An earlier attempt had finished and could not say so. The source is still read to its end: others measure it on its way.
    let bytes = 0;
    for await (const part of this.#parts.read(buffers(source))) {
      bytes += part.body.length;
      const { number, body } = part;
      await this.#job.options.resume?.sending?.({ number, bytes: body.length, sum: checksum(body) });
      this.#parts.release(part);
    }
    if (present.ContentLength !== bytes) throw this.#job.exists();
    return { key: this.#job.key, bytes, modifiedAt: present.LastModified ?? new Date() };
  }

  async #isOwn(): Promise<boolean> {
    return (await this.#job.head())?.Metadata?.[TOKEN] === this.#token;
  }

  /** Whether nobody can go on with this upload: it is not resumable, was cancelled, or would fail in the same way again. */
  #isOver(error: unknown): boolean {
    const { resume, signal } = this.#job.options;
    if (resume?.again) return !resume.again(error);
    if (!resume || signal?.aborted) return true;
    return error instanceof LifeboatError && !error.retryable;
  }

  async #abort(): Promise<void> {
    const UploadId = this.#uploadId;
    this.#uploadId = undefined;
    if (!UploadId) return;
    // When even this fails, the parts are found by `sweep`.
    await this.#job.client.abortMultipartUpload({ ...this.#job.object, UploadId }).catch(() => {});
  }

  #kept() {
    return { Metadata: { [TOKEN]: this.#token }, ...keptAs(this.#job.config) };
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#failed(error, doing);
    }
  }

  #failed(error: unknown, doing: string): unknown {
    return isTaken(error) ? this.#job.exists() : this.#job.failure(error, doing);
  }
}

/** How objects are to be kept, as every request that makes one says it. */
export function keptAs({ storageClass, sse, objectLock }: Config) {
  return {
    ...(storageClass ? { StorageClass: storageClass as 'STANDARD' } : {}),
    ...(sse ? { ServerSideEncryption: sse.algorithm, ...(sse.keyId ? { SSEKMSKeyId: sse.keyId } : {}) } : {}),
    ...(objectLock
      ? {
          ObjectLockMode: objectLock.mode,
          ObjectLockRetainUntilDate: new Date(Date.now() + objectLock.days * DAY_MS),
        }
      : {}),
  };
}

/** What `onUpload` was told: the token of the object's metadata, and S3's own id. */
export function readResume(resume: string | undefined): { token: string; uploadId: string } | undefined {
  const at = resume?.indexOf('/') ?? -1;
  return resume === undefined || at < 0
    ? undefined
    : { token: resume.slice(0, at), uploadId: resume.slice(at + 1) };
}
