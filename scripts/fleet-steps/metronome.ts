import { setTimeout } from 'node:timers/promises';
import type { Client, ScheduleHandle, ScheduleOptions } from '@temporalio/client';
import { defineSearchAttributeKey, NamespaceNotFoundError, SearchAttributeType } from '@temporalio/common';

const ID = 'metronome';
/** The time at which a schedule meant to start a run. */
const MEANT = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

/** A schedule that looks at one host every two seconds, to see how late it gets while a fleet is at work. */
export async function startMetronome(client: Client, host: string): Promise<ScheduleHandle> {
  return await createPatiently(client, {
    scheduleId: ID,
    spec: { intervals: [{ every: '2 seconds' }] },
    policies: { overlap: 'ALLOW_ALL' },
    action: {
      type: 'startWorkflow',
      workflowType: 'fleetStatus',
      taskQueue: 'lifeboat',
      args: [{ hosts: [host] }],
    },
  });
}

/** A development server on which a thousand workers have just begun to poll may say for a while that it does not know its own namespace. */
async function createPatiently(client: Client, schedule: ScheduleOptions): Promise<ScheduleHandle> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await client.schedule.create(schedule);
    } catch (error) {
      if (!(error instanceof NamespaceNotFoundError) || tries === 60) throw error;
      await setTimeout(1000);
    }
  }
}

/** How late each of its starts was (milliseconds). */
export async function scheduleLateness(client: Client): Promise<number[]> {
  const late: number[] = [];
  const query = `TemporalScheduledById = "${ID}"`;
  for await (const { startTime, typedSearchAttributes } of client.workflow.list({ query, pageSize: 500 })) {
    const meant = typedSearchAttributes.get(MEANT);
    if (meant) late.push(startTime.getTime() - meant.getTime());
  }
  return late;
}
