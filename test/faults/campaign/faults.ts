import { breakEngine, killHelper, killNeo4j } from './container-faults.ts';
import type { FaultName } from './fault-names.ts';
import type { Inject } from './injection.ts';
import {
  cutNetwork,
  fillDisk,
  killQdrant,
  killS3,
  killTemporal,
  loseTemporal,
  refusingS3,
  slowS3,
  stepClock,
} from './server-faults.ts';
import { killWorker, pauseWorker, terminateWorker } from './worker-faults.ts';
import { cancel, reset, terminate, terminateSection } from './workflow-faults.ts';

/** How each kind of fault is done. */
export const INJECT: Record<FaultName, Inject> = {
  'worker-kill': killWorker,
  'worker-term': terminateWorker,
  'worker-pause': pauseWorker,
  cancel,
  terminate,
  'terminate-section': terminateSection,
  reset,
  'helper-kill': killHelper,
  'engine-restart': breakEngine,
  'neo4j-kill': killNeo4j,
  'qdrant-kill': killQdrant,
  's3-kill': killS3,
  's3-slow': slowS3,
  's3-503': refusingS3,
  'network-cut': cutNetwork,
  'disk-full': fillDisk,
  'clock-step': stepClock,
  'temporal-restart': killTemporal,
  'temporal-loss': loseTemporal,
};
