import './quiet-runtime.ts';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../../src/activities/index.ts';
import { loadConfig } from '../../src/config/load.ts';
import { registerSearchAttributes } from '../../src/worker/search-attributes.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { startTemporal, type TemporalServer } from '../../test/testbed/temporal.ts';
import type { HostKind, HostsToRun } from './hosts-process.ts';

const MAKE_BUNDLE = fileURLToPath(new URL('./make-bundle.ts', import.meta.url));
const HOSTS_PROCESS = fileURLToPath(new URL('./hosts-process.ts', import.meta.url));

/** Hosts whose workers share a process. */
const HOSTS_A_PROCESS = 500;

/** A Temporal server of its own, a controller in this process, and workers of hosts in others. */
export interface Scene {
  client: Client;
  server: TemporalServer;
  processes: ChildProcess[];
  /** Start the workers of hosts, and wait until they poll. */
  startHosts(hosts: HostsToRun['hosts'], stepMs: number): Promise<ChildProcess[]>;
  close(): Promise<void>;
}

export interface SimulatedHost {
  name: string;
  kind: HostKind | 'dead';
}

/** Of ten hosts one is dead, one fails, and one has a bad moment: at every size the same share. */
export function hostsOf(count: number): SimulatedHost[] {
  const kinds: Partial<Record<number, SimulatedHost['kind']>> = { 3: 'fails', 5: 'flaky', 7: 'dead' };
  return Array.from({ length: count }, (_, at) => ({
    name: `host-${String(at).padStart(5, '0')}`,
    kind: kinds[at % 10] ?? 'good',
  }));
}

export async function setScene(fleet: { hosts: string[]; concurrency: number }): Promise<Scene> {
  // In memory where there is such a place: the server is measured, not the disk under its SQLite.
  const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = await mkdtemp(join(place, 'lifeboat-fleet-'));
  // A server lets 1,200 polls of one namespace wait at a time, and a thousand hosts have more.
  const settings = { 'frontend.namespaceCount': 20_000 };
  const server = await startTemporal({ directory, settings });
  const { address, namespace } = server;
  const bundle = join(directory, 'workflow-bundle.js');
  await promisify(execFile)(process.execPath, [MAKE_BUNDLE, bundle]);
  const file = join(directory, 'lifeboat.yaml');
  await writeFile(file, JSON.stringify({ fleet, temporal: { address, namespace } }));
  const config = await loadConfig({ file, env: { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' } });
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  await registerSearchAttributes(connection, namespace);
  const controller = await Worker.create({
    connection: native,
    namespace,
    taskQueue: config.temporal.taskQueue,
    workflowBundle: await workflowBundle({ file: bundle }),
    // A controller works with Temporal alone: the engine and the repositories are never asked.
    activities: createActivities({
      config: () => config,
      client,
      engine: undefined as never,
      repository: () => {
        throw new Error('A controller has no repository.');
      },
      version: 'simulated',
    }),
    maxConcurrentActivityTaskExecutions: 20,
    shutdownGraceTime: '1 second',
    shutdownForceTime: '5 seconds',
  });
  const running = controller.run();
  const processes: ChildProcess[] = [];
  return {
    client,
    server,
    processes,
    async startHosts(hosts, stepMs) {
      const started: ChildProcess[] = [];
      for (let at = 0; at < hosts.length; at += HOSTS_A_PROCESS) {
        const told = { address, namespace, bundle, hosts: hosts.slice(at, at + HOSTS_A_PROCESS), stepMs };
        const child = spawn(process.execPath, [HOSTS_PROCESS], {
          env: { ...process.env, LIFEBOAT_FLEET_HOSTS: JSON.stringify(told satisfies HostsToRun) },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        processes.push(child);
        started.push(child);
        await Promise.race([
          once(child.stdout as NodeJS.ReadableStream, 'data'),
          once(child, 'exit').then(([code]) => {
            throw new Error(`The workers of the hosts ended with ${code}.`);
          }),
        ]);
      }
      return started;
    },
    async close() {
      await Promise.all(processes.map(ended));
      controller.shutdown();
      await running;
      await native.close();
      await connection.close();
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  // What is stuck in it is nobody's.
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exit;
  clearTimeout(late);
}
