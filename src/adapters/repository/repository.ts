import type { Readable } from 'node:stream';

/** What is known of one stored object. */
export interface StoredObject {
  key: string;
  bytes: number;
  /** When the store says that it was last written. For people only: retention goes by the manifest's times. */
  modifiedAt: Date;
}

export interface PutOptions {
  /** Exact size where it is known (bytes); lets a store choose part sizes and refuse early when there is no room. */
  bytes?: number;
  /** No more than this will come, where the exact size is not known (bytes); lets a store choose parts of one size, as some want them. */
  atMost?: number;
  signal?: AbortSignal;
  /** Bytes that the store has acknowledged so far. */
  onProgress?: (bytes: number) => void;
  /**
   * Go on with an upload that a dead process left. The source is read from its beginning again; what the store already has is compared by
   * checksum and not sent twice. Only S3 can: the other kinds ignore it and begin anew.
   */
  resume?: Resume;
}

export interface Resume {
  /** What `onUpload` said in the earlier attempt; default: a new upload. An upload that is gone is begun anew. */
  uploadId?: string;
  /** Told as soon as an upload exists, and waited for before its first part leaves. The text is no secret, but only good for the same key. */
  onUpload?: (uploadId: string) => void | Promise<void>;
  /** Told of each part before it leaves, and waited for; what it throws keeps the part from leaving. */
  sending?: (part: SentPart) => void | Promise<void>;
  /** Fail with `SourceChanged` when the source has changed since, instead of sending the changed parts again. Default false. */
  requireSame?: boolean;
  /**
   * Whether another attempt will follow this failure, so that the parts are to be left for it. Default: when it was not aborted and trying again
   * may help.
   */
  again?: (error: unknown) => boolean;
}

/** A part of an upload: its size, and a checksum as the store has it. */
export interface SentPart {
  /** From 1. */
  number: number;
  bytes: number;
  sum: string;
}

export interface GetOptions {
  /** Read from this byte on. Default 0. */
  start?: number;
  /** Read up to and including this byte. Default: the end. */
  end?: number;
  signal?: AbortSignal;
}

/** `locked`: the store keeps it for now (Object Lock, a retention rule); `denied`: these credentials may delete nothing. */
export type DeleteOutcome = 'deleted' | 'absent' | 'locked' | 'denied';

/**
 * A place where sets live. Keys are written once: `put` of a key that exists is refused with `KeyExists`,
 * and an interrupted `put` leaves nothing that `list`, `get` or `head` would show.
 * Every error is a `LifeboatError` whose sentence names the repository.
 */
export interface Repository {
  /** Its name in the configuration. */
  readonly name: string;
  readonly kind: 'directory' | 's3' | 'gcs';
  /** Where it is, for people, without secrets: `directory /var/backups`, `s3://bucket/prefix`. */
  readonly location: string;
  /** Fails clearly when sets can't be written here: missing, not writable, refused, unreachable. */
  check(signal?: AbortSignal): Promise<void>;
  /** Free bytes where the store knows (a directory); null where it does not (object stores). */
  freeBytes(): Promise<number | null>;
  put(key: string, source: Readable, options?: PutOptions): Promise<StoredObject>;
  /** Remove the parts of an upload that nobody will go on with, as `onUpload` named it; one that is gone is none. Absent where none can be gone on with. */
  abandonUpload?(key: string, upload: string, signal?: AbortSignal): Promise<void>;
  get(key: string, options?: GetOptions): Promise<Readable>;
  head(key: string): Promise<StoredObject | null>;
  /** Objects below a prefix in the order of their keys (some S3 servers: folder by folder), read in pages; `after` skips all keys up to and including it. */
  list(prefix: string, options?: { after?: string; signal?: AbortSignal }): AsyncIterable<StoredObject>;
  delete(key: string): Promise<DeleteOutcome>;
  /** Remove what dead `put`s left (temporary files, multipart uploads) that is older than this (milliseconds). Answers how many. */
  sweep(olderThanMs: number, signal?: AbortSignal): Promise<number>;
  /** Free connections. */
  close(): Promise<void>;
}
