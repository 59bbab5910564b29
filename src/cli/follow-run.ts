import { setTimeout } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { decodeFromPayloadsAtIndex } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Progress, StepHeartbeat } from '../model/progress.ts';
import type { Connected } from './session.ts';

/** How often a run is asked (milliseconds). */
const ASK_EVERY = 500;

/** What is known of a run while it runs. */
export interface RunView {
  progress: Progress;
  /** What its activities, and those of its children, say of themselves. */
  steps: StepHeartbeat[];
}

/**
 * Ask a run for its progress again and again until `signal` is aborted; what can't be answered now is asked again.
 * The last look is taken after the abort, so that no line is lost.
 */
export async function followRun(
  connected: Connected,
  handle: WorkflowHandle,
  onView: (view: RunView) => void,
  signal: AbortSignal,
): Promise<void> {
  while (true) {
    const last = signal.aborted;
    const view = await look(connected, handle, last);
    if (view) onView(view);
    if (last) return;
    await setTimeout(ASK_EVERY, undefined, { signal }).catch(() => undefined);
  }
}

async function look(
  connected: Connected,
  handle: WorkflowHandle,
  last: boolean,
): Promise<RunView | undefined> {
  try {
    const progress = await connected.connection.withDeadline(Date.now() + (last ? 2_000 : 5_000), () =>
      handle.query<Progress>('progress'),
    );
    return { progress, steps: last ? [] : await heartbeats(connected, handle.workflowId) };
  } catch {
    // No worker at the moment, or the run is just being replayed.
    return undefined;
  }
}

/** The last heartbeats of what a run, and its open children, are doing now. */
async function heartbeats(connected: Connected, workflowId: string, depth = 2): Promise<StepHeartbeat[]> {
  const { client } = connected;
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  const said = await Promise.all(
    (raw.pendingActivities ?? []).map(async ({ heartbeatDetails }): Promise<unknown> => {
      const { payloads } = heartbeatDetails ?? {};
      if (!payloads?.length) return undefined;
      return await decodeFromPayloadsAtIndex(client.options.loadedDataConverter, 0, payloads);
    }),
  );
  const own = said.filter(isHeartbeat);
  if (depth === 0) return own;
  const children = (raw.pendingChildren ?? []).flatMap(({ workflowId: id }) => (id ? [id] : []));
  const below = await Promise.all(
    children.map((id) =>
      heartbeats(connected, id, depth - 1).catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return [];
        throw error;
      }),
    ),
  );
  return [...own, ...below.flat()];
}

const isHeartbeat = (value: unknown): value is StepHeartbeat =>
  typeof value === 'object' && value !== null && typeof (value as StepHeartbeat).step === 'string';
