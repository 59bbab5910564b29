import { setTimeout } from 'node:timers/promises';
import type { FleetBackupResult } from '../../src/workflows/fleet-backup.ts';
import { setScene } from './scene.ts';

/** A host that was lost at its work, as the fleet told of it. */
export interface LostHost {
  /** From the kill of its worker to the moment that the fleet gave it up (seconds). */
  givenUpSeconds: number;
  message: string;
  /** What became of its backup when a worker was there again. */
  afterwards: string;
}

/** Kill the worker of a host at its work, see the fleet give it up, bring the worker back, and see its backup end. */
export async function loseHost(): Promise<LostHost> {
  const hosts = [
    { host: 'lost', kind: 'stuck' as const },
    { host: 'other', kind: 'good' as const },
  ];
  const scene = await setScene({ hosts: hosts.map(({ host }) => host), concurrency: 10 });
  try {
    await scene.startHosts(hosts.slice(1), 100);
    const [worker] = await scene.startHosts(hosts.slice(0, 1), 100);
    const run = await scene.client.workflow.start('fleetBackup', {
      taskQueue: 'lifeboat',
      workflowId: 'fleet',
    });
    const open = 'WorkflowType = "criticalSection" AND TaskQueue = "lifeboat@lost"';
    while ((await scene.client.workflow.count(open)).count === 0) await setTimeout(200);
    const killed = performance.now();
    worker?.kill('SIGKILL');
    const { failures } = (await run.result()) as FleetBackupResult;
    const givenUpSeconds = Math.round((performance.now() - killed) / 100) / 10;
    const [lost] = failures;
    if (failures.length !== 1 || lost?.state !== 'unreachable' || lost.workflowId === undefined) {
      throw new Error(`The host that was lost is not told as such: ${JSON.stringify(failures)}`);
    }
    await scene.startHosts([{ host: 'lost', kind: 'good' }], 100);
    const result: { state: string } = await scene.client.workflow.getHandle(lost.workflowId).result();
    return { givenUpSeconds, message: lost.message, afterwards: result.state };
  } finally {
    await scene.close();
  }
}
