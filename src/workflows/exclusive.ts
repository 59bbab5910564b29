import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, ParentClosePolicy, sleep, workflowInfo } from '@temporalio/workflow';
import { criticalSectionId } from '../model/names.ts';
import {
  type CriticalSectionInput,
  type CriticalSectionResult,
  criticalSection,
} from './critical-section.ts';
import { fail } from './failure.ts';

/** How long a run that waits for a busy service waits between its looks (milliseconds): ever longer, since each is written into its history. */
const SHORTEST_WAIT = 2000;
const LONGEST_WAIT = 60_000;
const LONGER = 1.2;

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
  for (let pause = SHORTEST_WAIT; ; pause = Math.min(LONGEST_WAIT, Math.round(pause * LONGER))) {
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
      await sleep(pause);
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
