import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import type { RunOutcomeView, RunView, ScheduleView } from './snapshot.ts';

/** The operations that the page tells of; the watchdog runs every few minutes and would hide the others. */
const OPERATIONS = ['backup', 'restore', 'verify', 'drill', 'prune', 'replicate', 'fleetBackup'];

/** `TASK_QUEUE_TYPE_WORKFLOW` of Temporal's API. */
const WORKFLOW_TASKS = 1;

/** Only so many runs are read. */
const MOST_RUNS = 1000;
const MOST_SCHEDULES = 100;

const OUTCOMES: Record<string, RunOutcomeView> = {
  RUNNING: 'running',
  COMPLETED: 'ok',
  CANCELLED: 'cancelled',
};

/** Runs on a task queue since some time, newest first. */
export async function listRuns(client: Client, taskQueue: string, since: Date): Promise<RunView[]> {
  const types = OPERATIONS.map((type) => `'${type}'`).join(', ');
  const query = `TaskQueue = '${taskQueue}' AND WorkflowType IN (${types}) AND StartTime >= '${since.toISOString()}'`;
  const runs: RunView[] = [];
  for await (const info of client.workflow.list({ query, pageSize: 200 })) {
    // It goes on as the next one of the list.
    if (info.status.name === 'CONTINUED_AS_NEW') continue;
    runs.push(runView(info));
    if (runs.length >= MOST_RUNS) break;
  }
  return runs.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

function runView(info: WorkflowExecutionInfo): RunView {
  const set = info.typedSearchAttributes.get(SEARCH_ATTRIBUTES.set);
  return {
    operation: info.type,
    outcome: OUTCOMES[info.status.name] ?? 'failed',
    startedAt: info.startTime.toISOString(),
    ...(info.closeTime && { finishedAt: info.closeTime.toISOString() }),
    services: [...(info.typedSearchAttributes.get(SEARCH_ATTRIBUTES.service) ?? [])],
    ...(set !== undefined && { set }),
    workflowId: info.workflowId,
    runId: info.runId,
  };
}

/** Who asked the task queue for work in the last minutes. */
export async function listWorkers(client: Client, namespace: string, taskQueue: string): Promise<string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW_TASKS,
  });
  return [...new Set((pollers ?? []).flatMap(({ identity }) => identity ?? []))].sort();
}

/** The schedules that start something of Lifeboat's, by their next run. */
export async function listSchedules(client: Client): Promise<ScheduleView[]> {
  const found: ScheduleView[] = [];
  for await (const schedule of client.schedule.list({ pageSize: 100 })) {
    const operation = schedule.action?.workflowType;
    if (operation === undefined || !(OPERATIONS.includes(operation) || operation === 'watchdog')) continue;
    const { paused, note } = schedule.state;
    const next = schedule.info.nextActionTimes[0];
    found.push({
      id: schedule.scheduleId,
      operation,
      paused,
      nextAt: paused || !next ? null : next.toISOString(),
      ...(note && { note }),
    });
    if (found.length >= MOST_SCHEDULES) break;
  }
  const next = ({ nextAt }: ScheduleView): number =>
    nextAt === null ? Number.MAX_VALUE : Date.parse(nextAt);
  return found.sort((a, b) => next(a) - next(b));
}
