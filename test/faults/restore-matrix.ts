import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';

/** The steps of a restore of Neo4j, in their order, as activities. */
export const STEPS = [
  'selectArtifacts',
  'planNeo4jRestore',
  'prepareStaging',
  'fetchDump',
  'loadDump',
  'checkLoaded',
  'recordRestore',
  'inspectService',
  'openWindow',
  'swapStores',
  'tryServing',
  'compareRestored',
  'acceptSwap',
  'closeWindow',
] as const;
export type Step = (typeof STEPS)[number];

export const FAULTS = ['failure', 'cancel', 'terminate', 'kill -9'] as const;
export type Fault = (typeof FAULTS)[number];

/** What serves after a fault. Anything but the first two is a broken promise. */
export type Outcome = 'old data serving' | 'new data serving, counts agree' | `BROKEN: ${string}`;

/** A Neo4j with a set of it, on which one restore after the other is broken. */
export interface Matrix {
  /** Break a restore at a step, wait until it is quiet, and see what serves. */
  attempt(step: Step, fault: Fault): Promise<Outcome>;
  close(): Promise<void>;
}

const QUIET_WITHIN_MS = 180_000;

export async function startMatrix(): Promise<Matrix> {
  const service = unique('graph');
  const server = await useTestbed().startNeo4j();
  const lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server) } });
  const backedUp = await withDriver(server, (driver) => loadGraph(driver, 300));
  await lifeboat.run<BackupResult>('backup');
  let run = 0;

  const attempt = async (step: Step, fault: Fault): Promise<Outcome> => {
    run += 1;
    // The data from before this restore can be told from that of the set, and from that of every other attempt.
    await withDriver(server, (driver) =>
      driver.executeQuery('MERGE (m:Before) SET m.run = $run', { run }, { database: 'neo4j' }),
    );
    const marker = join(lifeboat.directory, `fault-${run}`);
    await lifeboat.worker.kill('SIGTERM');
    await lifeboat.startWorker({ activity: step, how: fault === 'failure' ? 'fail' : 'stall', marker });
    const handle = await lifeboat.start('restore', { services: [service] });
    while (!existsSync(marker)) {
      if ((await handle.describe()).status.name !== 'RUNNING') return 'BROKEN: the step was never reached';
      await sleep(100);
    }
    if (fault === 'cancel') await handle.cancel();
    if (fault === 'terminate') await handle.terminate('a test');
    if (fault === 'kill -9') await lifeboat.worker.kill('SIGKILL');
    // A stalled step ends by the cancel that it is sent; after a kill the next worker does not stall.
    if (fault !== 'failure' && fault !== 'cancel') await restartWorker(lifeboat);
    await quiet(lifeboat, handle, service);
    await restartWorker(lifeboat);
    await lifeboat.run('watchdog');
    await rm(marker, { force: true });
    return await outcome(lifeboat, server, service, backedUp, run);
  };

  return {
    attempt,
    async close() {
      await lifeboat.close();
      await server.remove();
    },
  };
}

async function restartWorker(lifeboat: Lifeboat): Promise<void> {
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
}

/** The restore and its critical section are over. */
async function quiet(lifeboat: Lifeboat, handle: WorkflowHandle, service: string): Promise<void> {
  const section = lifeboat.client.workflow.getHandle(`offline/${lifeboat.taskQueue}/${service}`);
  const running = async (one: WorkflowHandle) => {
    const status = await one.describe().then(
      ({ status: { name } }) => name,
      () => 'NONE',
    );
    return status === 'RUNNING';
  };
  const until = Date.now() + QUIET_WITHIN_MS;
  while ((await running(handle)) || (await running(section))) {
    if (Date.now() > until) throw new Error('It is not quiet: a workflow still runs.');
    await sleep(200);
  }
}

async function outcome(
  lifeboat: Lifeboat,
  server: Neo4jServer,
  service: string,
  backedUp: GraphCounts,
  run: number,
): Promise<Outcome> {
  const left = await lifeboat.remains([service]);
  if (left.length > 0) return `BROKEN: left behind: ${left.join(', ')}`;
  try {
    await server.untilServing(120);
  } catch (error) {
    return `BROKEN: nothing serves: ${(error as Error).message}`;
  }
  return await withDriver(server, async (driver): Promise<Outcome> => {
    const { records } = await driver.executeQuery(
      'MATCH (m:Before) RETURN m.run AS run',
      {},
      { database: 'neo4j' },
    );
    const counts = await countGraph(driver);
    const [before] = records;
    if (!before) {
      return JSON.stringify(counts) === JSON.stringify(backedUp)
        ? 'new data serving, counts agree'
        : `BROKEN: neither the old nor the new data: ${JSON.stringify(counts)}`;
    }
    const { Before: _, ...labels } = counts.labels;
    const rest = { ...counts, nodes: counts.nodes - 1, labels };
    if (Number(before.get('run')) !== run) return `BROKEN: data of attempt ${before.get('run')}`;
    return JSON.stringify(rest) === JSON.stringify(backedUp)
      ? 'old data serving'
      : `BROKEN: old data with other counts: ${JSON.stringify(counts)}`;
  });
}

async function withDriver<T>(
  server: Neo4jServer,
  call: (driver: ReturnType<Neo4jServer['driver']>) => Promise<T>,
): Promise<T> {
  await server.untilServing(120);
  const driver = server.driver();
  try {
    return await call(driver);
  } finally {
    await driver.close();
  }
}
