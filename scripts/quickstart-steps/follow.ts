import { failureOf } from '../../src/cli/exit-code.ts';
import { followRun } from '../../src/cli/follow-run.ts';
import { progressView } from '../../src/cli/progress-view.ts';
import { runId } from '../../src/cli/start-run.ts';
import type { Stage } from './stage.ts';

/** A run that ended well. */
export interface Ended<Result> {
  result: Result;
  /** Events in its history. */
  events: number;
}

/**
 * Start a workflow, show its progress while it runs (bars on a terminal, lines in a pipe), and wait for its end.
 * @throws an error with the sentence of its failure and the address of the run in the Temporal UI
 */
export async function follow<Result>(
  { connected, terminal, testbed }: Pick<Stage, 'connected' | 'terminal' | 'testbed'>,
  workflow: string,
  input: object = {},
): Promise<Ended<Result>> {
  const { client, taskQueue } = connected;
  const workflowId = runId(workflow);
  const handle = await client.workflow.start(workflow, { taskQueue, workflowId, args: [input] });
  const view = progressView(terminal);
  const over = new AbortController();
  const following = followRun(connected, handle, (seen) => view.show(seen), over.signal);
  try {
    const result = (await handle.result()) as Result;
    over.abort();
    await following;
    return { result, events: (await handle.describe()).historyLength };
  } catch (error) {
    over.abort();
    await following;
    const { namespace, uiUrl } = testbed.temporal;
    const page = `${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
    throw new Error(`${workflow} failed: ${failureOf(error).message}\n   Look at it: ${page}`, {
      cause: error,
    });
  } finally {
    view.stop();
  }
}
