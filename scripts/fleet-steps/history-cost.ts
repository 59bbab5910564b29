import type { Client } from '@temporalio/client';
import pLimit from 'p-limit';

/** What a run left in Temporal, and when what happened to it. */
export interface RunCost {
  type: string;
  workflowId: string;
  events: number;
  bytes: number;
  workflowTasks: number;
  /** From its start to its first workflow task (milliseconds). */
  waitedMs: number;
  /** From its start to the last time that an activity was not taken or answered in time (milliseconds); absent without such. */
  lastSilenceMs?: number;
}

/** Histories that are read at the same time. */
const AT_ONCE = 20;

/** Read the histories of all runs that a query finds. */
export async function costsOf(client: Client, query: string): Promise<RunCost[]> {
  const limit = pLimit(AT_ONCE);
  const found: { type: string; workflowId: string; runId: string }[] = [];
  for await (const { type, workflowId, runId } of client.workflow.list({ query, pageSize: 500 }))
    found.push({ type, workflowId, runId });
  return await limit.map(found, async ({ type, workflowId, runId }) => {
    const handle = client.workflow.getHandle(workflowId, runId);
    const { events } = await handle.fetchHistory();
    const { historySize } = await handle.describe();
    const times = (events ?? []).map((event) => ({
      at: Number(event.eventTime?.seconds ?? 0) * 1000 + Number(event.eventTime?.nanos ?? 0) / 1e6,
      task: event.workflowTaskStartedEventAttributes != null,
      silence: event.activityTaskTimedOutEventAttributes != null,
    }));
    const start = times[0]?.at ?? 0;
    const silence = times.findLast((one) => one.silence);
    return {
      type,
      workflowId,
      events: times.length,
      bytes: historySize ?? 0,
      workflowTasks: times.filter(({ task }) => task).length,
      waitedMs: (times.find(({ task }) => task)?.at ?? start) - start,
      ...(silence ? { lastSilenceMs: silence.at - start } : {}),
    };
  });
}
