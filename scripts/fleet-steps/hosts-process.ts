// The workers of many hosts in one process: `LIFEBOAT_FLEET_HOSTS` says which, and how they behave. It says "ready" when all of them poll.
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { endSharedThreads, type HostWorker, startHostWorker } from './host-worker.ts';
import { simulatedFailure, simulatedHost } from './simulated-host.ts';

/** What the process is told. */
export interface HostsToRun {
  address: string;
  namespace: string;
  /** The file of the workflow bundle. */
  bundle: string;
  hosts: { host: string; kind: HostKind }[];
  /** The time of a step that moves data (milliseconds). */
  stepMs: number;
}

/** `fails`: its container is not found. `flaky`: its repository is away for one request. `stuck`: its dump never ends. */
export type HostKind = 'good' | 'fails' | 'flaky' | 'stuck';

function behaviour(kind: HostKind) {
  let flaked = false;
  return async (activity: string, signal: AbortSignal): Promise<void> => {
    if (kind === 'fails' && activity === 'planNeo4j') {
      throw simulatedFailure('ContainerNotFound', 'There is no container "neo4j" on this host.', false);
    }
    if (kind === 'flaky' && activity === 'storeDump' && !flaked) {
      flaked = true;
      throw simulatedFailure('RepositoryUnreachable', 'The repository did not answer.', true);
    }
    if (kind === 'stuck' && activity === 'dumpDatabase') await setTimeout(3_600_000, undefined, { signal });
  };
}

const { address, namespace, bundle, hosts, stepMs } = JSON.parse(
  process.env.LIFEBOAT_FLEET_HOSTS ?? '{}',
) as HostsToRun;
const connection = await NativeConnection.connect({ address });
const code = await readFile(bundle, 'utf8');
const workers: HostWorker[] = [];
// One after the other: each reads the bundle anew, and all of that at once would be memory that no worker needs.
for (const { host, kind } of hosts) {
  workers.push(
    await startHostWorker({
      host,
      connection,
      namespace,
      workflowBundle: { code },
      activities: simulatedHost(host, {
        // Between half of it and half as much again.
        stepMs: () => stepMs * (0.5 + Math.random()),
        before: behaviour(kind),
      }),
    }),
  );
}
console.log('ready');
process.on('SIGTERM', () => {
  void Promise.all(workers.map((worker) => worker.stop()))
    .then(endSharedThreads)
    .then(() => connection.close())
    .then(() => process.exit(0));
});
