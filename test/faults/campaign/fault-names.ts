import type { OperationName } from './operations.ts';
import type { Moment } from './plan-round.ts';

/** Where a fault of this kind means something. */
export interface Aim {
  /** Default: all of them. */
  operations?: readonly OperationName[];
  /** Activities at which it comes. Default: any of the operation. */
  moments?: readonly string[];
  /** Default: any. */
  when?: Moment['when'];
}

const WINDOWED: readonly OperationName[] = ['backup', 'restore'];
const IN_WINDOW = [
  'openWindow',
  'dumpDatabase',
  'copyStore',
  'swapStores',
  'tryServing',
  'compareRestored',
  'uploadArtifact',
];
const WITH_HELPER = [
  ...['dumpDatabase', 'standByToCopy', 'copyStore', 'recoverCopy', 'dumpCopies', 'checkCopy'],
  ...['loadDump', 'checkLoaded', 'loadIntoSandbox', 'describeSandbox'],
];
const STORES: readonly OperationName[] = ['backup', 'restore', 'prune', 'replicate'];
const AT_STORE = [
  ...['planRun', 'checkRepository', 'storeDump', 'storeSnapshot', 'commitSet', 'replicateSet', 'fetchDump'],
  ...['uploadArtifact', 'selectArtifacts', 'planPrune', 'collectOrphans', 'missingIn'],
];

/** Every kind of fault, in the order in which seeds count them. */
export const FAULTS = {
  /** `kill -9` of the worker. */
  'worker-kill': {},
  /** SIGTERM to the worker, as at a deployment. */
  'worker-term': {},
  /** SIGSTOP for longer than any heartbeat timeout, then SIGCONT: another attempt may run beside the one that wakes up. */
  'worker-pause': {},
  cancel: {},
  terminate: {},
  'terminate-section': { operations: WINDOWED, moments: IN_WINDOW, when: 'after' },
  /** The run goes back to an earlier point of its history, and does again what it did. */
  reset: {},
  'helper-kill': { operations: ['backup', 'restore', 'drill'], moments: WITH_HELPER, when: 'during' },
  /** The Docker engine is killed or stopped, and started again: a Neo4j that ran comes back by its restart policy. */
  'engine-restart': {},
  'neo4j-kill': {},
  'qdrant-kill': {},
  's3-kill': { operations: STORES, moments: AT_STORE },
  's3-slow': { operations: STORES, moments: AT_STORE },
  's3-503': { operations: STORES, moments: AT_STORE },
  /** Connections to S3 and Qdrant are cut, and no new ones are had for a time. */
  'network-cut': {},
  /** The file system of the local repository is full for a time. */
  'disk-full': { operations: ['backup', 'drill', 'prune', 'replicate'] },
  /** The clock that retention goes by is days ahead or behind while it plans and deletes. */
  'clock-step': { operations: ['prune'], moments: ['planPrune'], when: 'before' },
  /** Temporal's server is killed, and started again on its database. */
  'temporal-restart': {},
  /** Temporal's database is deleted; a worker is started as after any loss, and the schedules are applied anew. */
  'temporal-loss': {},
} as const satisfies Record<string, Aim>;

export type FaultName = keyof typeof FAULTS;

/** Where a fault of this kind is aimed. */
export const aimOf = (name: FaultName): Aim => FAULTS[name];
