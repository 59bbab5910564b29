import type { CaptureMode } from '../../../src/model/capture-mode.ts';
import type { Chance } from './chance.ts';

export const OPERATIONS = ['backup', 'restore', 'drill', 'prune', 'replicate'] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** The names of the two services and of the two repositories of a campaign. */
export const GRAPH = 'graph';
export const VECTORS = 'vectors';
export const LOCAL = 'local';
export const OFFSITE = 'offsite';

/** One run of Lifeboat that a round starts. */
export interface PlannedOperation {
  name: OperationName;
  /** The set of a restore is the campaign's anchor, whose contents are known; it is filled in at the start. */
  input: Record<string, unknown>;
  /** Its activities, in about their order: the moments at which a fault can come. */
  activities: readonly string[];
}

const SERVICES = [undefined, undefined, [GRAPH], [VECTORS]] as const;

/**
 * What an operation is started with.
 * @param mode how backups take the bytes of Neo4j.
 * @param whole over all services.
 */
export function planOperation(
  name: OperationName,
  chance: Chance,
  mode: CaptureMode,
  whole = false,
): PlannedOperation {
  const chosen = chance.pick(SERVICES);
  const services = whole ? undefined : chosen;
  const only = services ? { services: [...services] } : {};
  const graph = services?.[0] !== VECTORS;
  const vectors = services?.[0] !== GRAPH;
  const wait = chance.happens(0.5);
  const repository = chance.pick([LOCAL, LOCAL, OFFSITE]);
  if (name === 'backup') {
    const repositories = repository === LOCAL ? [LOCAL, OFFSITE] : [OFFSITE, LOCAL];
    const consistent = services === undefined && chance.happens(0.3);
    return {
      name,
      input: { ...only, repositories, wait, ...(consistent ? { consistent } : {}) },
      activities: [
        'planRun',
        ...(graph ? CAPTURED[mode] : []),
        ...(vectors ? TAKEN : []),
        'commitSet',
        'replicateSet',
      ],
    };
  }
  if (name === 'restore')
    return {
      name,
      input: { ...only, repository, wait },
      activities: ['selectArtifacts', ...(graph ? SWAPPED : []), ...(vectors ? UPLOADED : [])],
    };
  if (name === 'drill')
    return {
      name,
      input: { ...only, repository },
      activities: [
        'selectArtifacts',
        ...(graph ? SANDBOXED : []),
        ...(vectors ? COMPARED : []),
        'recordVerdict',
      ],
    };
  if (name === 'prune') return { name, input: {}, activities: ['planPrune', 'collectOrphans'] };
  const from = chance.pick([LOCAL, OFFSITE]);
  return {
    name,
    input: { from, to: [from === LOCAL ? OFFSITE : LOCAL] },
    activities: ['replicationTargets', 'missingIn'],
  };
}

const BEFORE_WINDOW = ['planNeo4j', 'checkRepository', 'prepareStaging', 'describeGraphs'];
const AFTER_WINDOW = ['storeDump', 'removeStaging'];
const COPY = ['standByToCopy', 'inspectService', 'openWindow', 'copyStore', 'closeWindow'];
const CAPTURED: Record<CaptureMode, readonly string[]> = {
  dump: [
    ...BEFORE_WINDOW,
    ...['inspectService', 'openWindow', 'dumpDatabase', 'dumpDatabase', 'closeWindow'],
    ...AFTER_WINDOW,
  ],
  copy: [...BEFORE_WINDOW, ...COPY, 'dumpCopies', 'checkCopy', ...AFTER_WINDOW],
  freeze: [...BEFORE_WINDOW, ...COPY, 'recoverCopy', 'dumpCopies', 'checkCopy', ...AFTER_WINDOW],
  snapshot: [
    ...BEFORE_WINDOW,
    ...['standByToSnapshot', 'inspectService', 'openWindow', 'takeStoreSnapshot', 'closeWindow'],
    ...['copySnapshot', 'removeStoreSnapshot', 'recoverCopy', 'dumpCopies', 'checkCopy'],
    ...AFTER_WINDOW,
  ],
  online: [...BEFORE_WINDOW, 'takeOnlineBackup', 'recoverCopy', 'dumpCopies', 'checkCopy', ...AFTER_WINDOW],
};
const TAKEN = ['planQdrant', 'describeCollection', 'takeSnapshot', 'storeSnapshot', 'deleteSnapshot'];
const SWAPPED = [
  ...['planNeo4jRestore', 'prepareStaging', 'fetchDump', 'loadDump', 'checkLoaded', 'recordRestore'],
  ...[
    'inspectService',
    'openWindow',
    'swapStores',
    'tryServing',
    'compareRestored',
    'acceptSwap',
    'closeWindow',
  ],
];
const UPLOADED = ['planQdrantRestore', 'takeSnapshot', 'uploadArtifact', 'compareCollection', 'keepSafety'];
const SANDBOXED = [
  'planNeo4j',
  'prepareStaging',
  'fetchDump',
  'loadIntoSandbox',
  'describeSandbox',
  'removeSandbox',
];
const COMPARED = ['recordSandboxCollection', 'uploadArtifact', 'compareCollection', 'deleteCollection'];
