import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { compensate, inWindow } from './activity-options.ts';

/** Told to the parent: nobody writes any more. */
export const applicationPaused = defineSignal<[containers: string[]]>('applicationPaused');
/** Told to the pause: everything was captured. */
export const resumeApplication = defineSignal('resumeApplication');

/** The longest time for which the application is held up, whatever happens to the rest of the run. */
const PAUSE_LIMIT = '30 minutes';

/** How the application was kept from writing. */
export interface ApplicationPaused {
  containers: string[];
  /** It was paused until everything was captured; false: it went on before, at the limit. */
  held: boolean;
}

/** Pause the application's containers until the parent has captured everything, or is gone; then let them go on, always. */
export async function applicationPause(): Promise<ApplicationPaused> {
  let resume = false;
  setHandler(resumeApplication, () => {
    resume = true;
  });
  const { parent } = workflowInfo();
  try {
    const containers = await inWindow('Pause the application').pauseApplication();
    if (parent)
      await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(applicationPaused, containers);
    const held = await condition(() => resume, PAUSE_LIMIT);
    return { containers, held };
  } finally {
    await CancellationScope.nonCancellable(async () => {
      await compensate('Let the application go on').resumeApplication();
    });
  }
}
