import type { WorkflowHandle } from '@temporalio/client';
import { breakRun } from '../../../faults/broken-run.ts';
import { until } from '../../../workflows/receivers.ts';
import type { Scenario } from '../record.ts';
import type { Scene } from '../scene.ts';

/** What is done to repositories, and what looks after the rest. */
export const CARE: Scenario[] = [
  {
    name: 'prune',
    async play({ run }) {
      for (let sets = 0; sets < 3; sets += 1)
        await run('backup', { services: ['vectors'], repositories: ['pruned'] });
      return await run('prune', { repository: 'pruned' });
    },
  },
  { name: 'prune-dry-run', play: async ({ run }) => await run('prune', { dryRun: true }) },
  {
    name: 'replicate',
    play: async ({ run, set }) =>
      await run('replicate', { set: await set(), from: 'local', to: ['offsite'] }),
  },
  {
    name: 'replicate-failed',
    async play({ lifeboat, set }) {
      const input = { set: await set(), from: 'local', to: ['pruned'] };
      const at = { service: 'vectors', workflow: 'replicate', step: 'replicateSet' };
      return await breakRun(lifeboat, { ...at, input, fault: 'failure' });
    },
  },
  {
    name: 'kept',
    async play({ run, set }) {
      await run('restore', { services: ['graph'], repository: 'local', set: await set() });
      return await run('kept');
    },
  },
  { name: 'watchdog', play: async ({ run }) => await run('watchdog') },
  {
    name: 'watchdog-reclaim',
    async play(scene) {
      await breakRun(scene.lifeboat, {
        service: 'graph',
        workflow: 'backup',
        input: { services: ['graph'], repositories: ['local'] },
        step: 'dumpDatabase',
        fault: 'section terminated',
      });
      return await parentOfNewest(scene, 'reclaim');
    },
  },
];

/** The run that started the newest child of a type. */
async function parentOfNewest({ lifeboat }: Scene, type: string): Promise<WorkflowHandle> {
  const query = `TaskQueue = "${lifeboat.taskQueue}" AND WorkflowType = "${type}"`;
  return await until(async () => {
    for await (const { parentExecution } of lifeboat.client.workflow.list({ query })) {
      if (parentExecution?.workflowId)
        return lifeboat.client.workflow.getHandle(
          parentExecution.workflowId,
          parentExecution.runId ?? undefined,
        );
    }
    return undefined;
  });
}
