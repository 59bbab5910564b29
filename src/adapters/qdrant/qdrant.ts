import type { Readable } from 'node:stream';
import type { Secret } from '../../config/secret.ts';
import { aliasCalls } from './alias-calls.ts';
import { collectionCalls } from './collection-calls.ts';
import type { DownloadOptions } from './download.ts';
import { QdrantHttp, type QdrantTimeouts } from './http.ts';
import { serverCalls } from './server-calls.ts';
import { snapshotCalls } from './snapshot-calls.ts';
import type { UploadOptions } from './upload.ts';

/** A snapshot file on one node. */
export interface Snapshot {
  name: string;
  /** UTC without a zone, to the second; null where the server does not know. */
  creation_time: string | null;
  /** Bytes. */
  size: number;
  /** sha256 of the file; absent before 1.8, for uploaded files, and where snapshots are kept in object storage. */
  checksum?: string | null;
}

/** What a collection is, as the server tells it; only what Lifeboat reads is named. */
export interface CollectionInfo {
  status: string;
  points_count?: number | null;
  config: Record<string, unknown> & { params: Record<string, unknown> };
  payload_schema: Record<string, { data_type: string; params?: unknown; points?: number }>;
}

export interface Alias {
  alias: string;
  collection: string;
}

/** The cluster as one node sees it; a server of its own has no peers. */
export type ClusterState =
  | { enabled: false }
  | { enabled: true; peerId: string; peers: Record<string, string> };

/** Which shards of a collection a node holds. */
export interface CollectionCluster {
  peerId: string;
  shardCount: number;
  localShards: { shard: number; points: number; state: string }[];
  remoteShards: { shard: number; peerId: string; state: string }[];
}

/** A point's id: a number, a UUID, or the digits of a number too long for JavaScript. */
export type PointId = string | number;

export interface Point {
  id: PointId;
  payload?: unknown;
  vector?: unknown;
}

export interface Asking {
  signal?: AbortSignal;
}

/**
 * One Qdrant server, or one node of a cluster: snapshots are each node's own, so what is said here of snapshots holds for this node.
 * Every error is a `LifeboatError` whose sentence names the server. An abort throws the signal's reason.
 */
export interface Qdrant {
  /** Its name in the configuration. */
  readonly name: string;
  /** Base URL. */
  readonly url: string;
  /** The server's version, as `1.18.3`. */
  version(options?: Asking): Promise<string>;
  /** Whether it answers and all its shards are ready; wrong keys and the like are not looked at. */
  ready(options?: Asking): Promise<boolean>;
  /** The names of all collections, in order. */
  collections(options?: Asking): Promise<string[]>;
  exists(collection: string, options?: Asking): Promise<boolean>;
  collectionInfo(collection: string, options?: Asking): Promise<CollectionInfo>;
  /** Points, counted exactly; in a cluster those of all nodes. */
  countExact(collection: string, options?: Asking): Promise<number>;
  aliases(options?: Asking): Promise<Alias[]>;
  cluster(options?: Asking): Promise<ClusterState>;
  collectionCluster(collection: string, options?: Asking): Promise<CollectionCluster>;
  /** How many snapshots of the collection are being written; null before 1.16, which does not tell. */
  snapshotsRunning(collection: string, options?: Asking): Promise<number | null>;
  /** How many snapshots are being recovered into the collection; null before 1.16, which does not tell. */
  recoveriesRunning(collection: string, options?: Asking): Promise<number | null>;
  /** Ask for a new snapshot and wait until it is written. Not idempotent: see `takeSnapshot`. */
  createSnapshot(collection: string, options?: Asking): Promise<Snapshot>;
  listSnapshots(collection: string, options?: Asking): Promise<Snapshot[]>;
  /** The snapshot's bytes, going on where a broken connection left off. */
  downloadSnapshot(collection: string, snapshot: string, options?: DownloadOptions): Promise<Readable>;
  /** Answers whether there was one; one that is missing, or whose collection is, is no error. */
  deleteSnapshot(collection: string, snapshot: string, options?: Asking): Promise<boolean>;
  /** Replace the collection's points by those of a snapshot file, or make the collection from it. */
  uploadSnapshot(collection: string, options: UploadOptions): Promise<void>;
  /** Let aliases point to a collection, all at once; those that point elsewhere are moved. */
  setAliases(collection: string, aliases: readonly string[], options?: Asking): Promise<void>;
  deleteAliases(aliases: readonly string[], options?: Asking): Promise<void>;
  /** Answers whether there was one. Its aliases go with it; its snapshots stay on disk. */
  deleteCollection(collection: string, options?: Asking): Promise<boolean>;
  /** A page of points in the order of their ids, from `offset` on. */
  scroll(
    collection: string,
    options: Asking & { limit: number; offset?: PointId; payload?: boolean; vector?: boolean },
  ): Promise<{ points: Point[]; next: PointId | null }>;
  /** Points by id, with payload and vector; missing ones are left out. */
  retrieve(collection: string, ids: readonly PointId[], options?: Asking): Promise<Point[]>;
  /** Free connections. */
  close(): Promise<void>;
}

/** The client of one Qdrant server; nothing is sent before the first question. */
export function openQdrant(options: {
  name: string;
  url: string;
  apiKey?: Secret | undefined;
  timeouts?: Partial<QdrantTimeouts>;
}): Qdrant {
  const http = new QdrantHttp(options);
  return {
    name: options.name,
    url: http.url,
    ...serverCalls(http),
    ...collectionCalls(http),
    ...aliasCalls(http),
    ...snapshotCalls(http),
    close: () => http.close(),
  };
}
