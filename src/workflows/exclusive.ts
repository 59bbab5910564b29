import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, ParentClosePolicy, sleep, workflowInfo } from '@temporalio/workflow';
import { criticalSectionId } from '../model/names.ts';
import {
  type CriticalSectionInput,
  type CriticalSectionResult,
  criticalSection,
} from './critical-section.ts';
import { fail } from './failure.ts';

/** How often a run that waits for a busy service looks again. */
const LOOK_AGAIN = '2 seconds';

/**
 * Run the critical section of a service: alone, by its fixed id.
 * @throws `ServiceBusy` when another run has it, unless `wait`.
 */
export async function inCriticalSection(
  input: CriticalSectionInput,
  options: { wait: boolean },
): Promise<CriticalSectionResult> {
  const { service } = input.plan;
  const workflowId = criticalSectionId(service, workflowInfo().taskQueue);
  while (true) {
    try {
      return await executeChild(criticalSection, {
        workflowId,
        args: [input],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: `${input.window} window of ${service} for set ${input.set}`,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (!options.wait) {
        throw fail(
          'ServiceBusy',
          `Service "${service}" is in use by another run of Lifeboat (workflow ${workflowId}): wait for it, or start this one with "wait": true.`,
        );
      }
      await sleep(LOOK_AGAIN);
    }
  }
}
