import type { WorkflowHandle } from '@temporalio/client';
import type { Chance } from './chance.ts';
import type { PlannedOperation } from './operations.ts';
import type { Scene } from './scene.ts';

/** An operation that was started. */
export interface StartedOperation extends PlannedOperation {
  handle: WorkflowHandle;
}

/** What a fault works on. */
export interface Injection {
  scene: Scene;
  chance: Chance;
  /** The one that it is aimed at. */
  aimed: StartedOperation;
  /** Let the activity that was held at the moment go on; for faults that last. */
  goOn(): void;
}

/** Injects a fault, waits as long as it lasts, and takes it away. False: there was nothing that it could break. */
export type Inject = (injection: Injection) => Promise<boolean>;
