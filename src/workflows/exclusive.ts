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

/** What makes a child workflow the critical section of a service. */
interface SectionOptions {
  workflowId: string;
  parentClosePolicy: typeof ParentClosePolicy.REQUEST_CANCEL;
  staticSummary: string;
}

/**
 * Run a child workflow as the critical section of a service: alone, by its fixed id.
 * @throws `ServiceBusy` when another run has it, unless `wait`.
 */
export async function alone<T>(
  start: (section: SectionOptions) => Promise<T>,
  options: { service: string; summary: string; wait: boolean },
): Promise<T> {
  const { service, summary, wait } = options;
  const workflowId = criticalSectionId(service, workflowInfo().taskQueue);
  while (true) {
    try {
      return await start({
        workflowId,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: summary,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      if (!wait) {
        throw fail(
          'ServiceBusy',
          `Service "${service}" is in use by another run of Lifeboat (workflow ${workflowId}): wait for it, or start this one with "wait": true.`,
        );
      }
      await sleep(LOOK_AGAIN);
    }
  }
}

/** Run the critical section of a Neo4j service. */
export async function inCriticalSection(
  input: CriticalSectionInput,
  { wait }: { wait: boolean },
): Promise<CriticalSectionResult> {
  const { service } = input.plan;
  const what = input.window === 'none' ? 'Online backup' : `${input.window} window`;
  const summary = `${what} of ${service} for set ${input.set}`;
  return await alone((section) => executeChild(criticalSection, { ...section, args: [input] }), {
    service,
    summary,
    wait,
  });
}
