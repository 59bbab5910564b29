import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { type Lifeboat, startLifeboat, unique } from '../../../workflows/lifeboat.ts';
import { until } from '../../../workflows/receivers.ts';
import type { Scenario } from '../record.ts';
import type { Scene } from '../scene.ts';

/** Fleets of a host that is well and one that nobody works for. */
export const FLEETS: Scenario[] = [
  {
    name: 'fleet-backup',
    play: async (scene) =>
      await withHost(scene, async ({ hosts }) => await scene.run('fleetBackup', { hosts })),
  },
  {
    name: 'fleet-backup-continued',
    play: async (scene) =>
      await withHost(
        scene,
        async ({ hosts }) => await scene.run('fleetBackup', { hosts, hostsARun: 1, concurrency: 2 }),
      ),
  },
  { name: 'fleet-backup-cancelled', play: async (scene) => await withHost(scene, cancelled(scene)) },
  {
    name: 'fleet-status',
    play: async (scene) =>
      await withHost(scene, async ({ hosts }) => await scene.run('fleetStatus', { hosts })),
  },
];

interface Fleet {
  host: Lifeboat;
  /** The one that is well, and then the other one. */
  hosts: [string, string];
}

async function withHost<T>({ collections }: Scene, call: (fleet: Fleet) => Promise<T>): Promise<T> {
  const name = unique('web');
  const host = await startLifeboat({ host: name, services: { vectors: collections.section() } });
  try {
    return await call({ host, hosts: [name, unique('gone')] });
  } finally {
    await host.close();
  }
}

/** Cancelled while a host is at work. */
const cancelled =
  ({ lifeboat }: Scene) =>
  async ({ host, hosts: [name] }: Fleet): Promise<WorkflowHandle> => {
    const marker = join(host.directory, 'fault');
    await host.worker.kill('SIGTERM');
    await host.startWorker({ activity: 'storeSnapshot', how: 'stall', marker });
    const handle = await lifeboat.start('fleetBackup', { hosts: [name] });
    await until(() => existsSync(marker));
    await handle.cancel();
    await writeFile(`${marker}.go`, '');
    await handle.result().catch(() => undefined);
    const open = `TaskQueue = "${host.taskQueue}" AND ExecutionStatus = "Running"`;
    await until(async () => (await lifeboat.client.workflow.count(open)).count === 0);
    return handle;
  };
