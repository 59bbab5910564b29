// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { findContainer } from '../../src/adapters/docker/container.ts';
import { actFor, connectEngine } from '../../src/adapters/docker/engine.ts';
import { recordInterruption } from '../../src/adapters/docker/interruption.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { WatchdogResult } from '../../src/workflows/watchdog.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { type AdminWrapper, wrapAdmin } from '../workflows/admin-wrapper.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';
import { breakRun } from './broken-run.ts';

const service = unique('graph');
let server: Neo4jServer;
let lifeboat: Lifeboat;
let admin: AdminWrapper;
let graph: GraphCounts;

before(async () => {
  const testbed = useTestbed();
  admin = await wrapAdmin(testbed.engine, testbed.neo4jImage, testbed.directory);
  server = await testbed.startNeo4j({ binds: admin.binds });
  lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server) } });
  const driver = server.driver();
  graph = await loadGraph(driver, 500);
  await driver.close();
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
});

afterEach(async () => {
  await admin.set('real');
});

/** The helper that dumps is at work: the service is down. */
async function whileDumping(): Promise<void> {
  const filters = JSON.stringify({ label: [`lifeboat.service=${service}`, 'lifeboat.window=inside'] });
  const isDumping = async () => (await lifeboat.engine.listContainers({ filters })).length > 0;
  await until('a helper that dumps', isDumping);
}

/** The promise: it serves again, with all its data, and without anyone's help. */
async function servesWithAllItsData(): Promise<void> {
  await server.untilServing(120);
  const driver = server.driver();
  try {
    assert.deepEqual(await countGraph(driver), graph);
  } finally {
    await driver.close();
  }
}

/** A run that failed leaves nothing that looks like a set, and nothing in the engine. */
async function leavesNothing(sets: number): Promise<void> {
  assert.equal((await lifeboat.sets()).length, sets);
  await lifeboat.nothingRemains([service], 20_000);
}

test('a dump that fails', async () => {
  await admin.set('fail');
  const before = (await lifeboat.sets()).length;
  const failure = await lifeboat.failureOf(await lifeboat.start('backup'));
  assert.equal(failure.type, 'DumpFailed');
  assert.match(failure.message, /could not dump the database/);
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a dump that says that it went well, and is cut short', async () => {
  await admin.set('truncate');
  const before = (await lifeboat.sets()).length;
  const failure = await lifeboat.failureOf(await lifeboat.start('backup'));
  assert.ok(['DumpIncomplete', 'ArtifactCorrupt'].includes(failure.type), failure.type);
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a store that needs recovery also after it was started and stopped once more', async () => {
  await admin.set('unclean');
  const before = (await lifeboat.sets()).length;
  const failure = await lifeboat.failureOf(await lifeboat.start('backup'));
  assert.equal(failure.type, 'UncleanShutdown');
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a store that needs recovery once is taken after others were told that nobody writes: the set does not call itself consistent', async () => {
  const manifestOf = async (set: string) => {
    const found = (await lifeboat.sets()).find((one) => one.set === set);
    return found && 'manifest' in found ? found.manifest : assert.fail(`there is no set ${set}`);
  };
  const held = await lifeboat.run<BackupResult>('backup', { consistent: true });
  assert.equal((await manifestOf(held.set)).consistent, true);

  await admin.set('unclean');
  const container = lifeboat.engine.getContainer(server.containerName);
  const { State } = await container.inspect();
  const handle = await lifeboat.start('backup', { consistent: true });
  await until('a start between the two windows', async () => {
    return (await container.inspect()).State.StartedAt !== State.StartedAt;
  });
  await admin.set('real');
  const result = (await handle.result()) as BackupResult;
  assert.equal(result.state, 'complete');
  assert.equal((await manifestOf(result.set)).consistent, false);
  await servesWithAllItsData();
});

test('a cancel during the dump', async () => {
  await admin.set('slow');
  const before = (await lifeboat.sets()).length;
  const handle = await lifeboat.start('backup');
  await whileDumping();
  await handle.cancel();
  assert.equal((await lifeboat.failureOf(handle)).type, 'Cancelled');
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a terminate during the dump', async () => {
  await admin.set('slow');
  const before = (await lifeboat.sets()).length;
  const handle = await lifeboat.start('backup');
  await whileDumping();
  await handle.terminate('a test');
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a terminate of the critical section itself: the watchdog starts the service', async () => {
  await admin.set('slow');
  const before = (await lifeboat.sets()).length;
  const handle = await lifeboat.start('backup');
  await whileDumping();
  await lifeboat.client.workflow.getHandle(`offline/${lifeboat.taskQueue}/${service}`).terminate('a test');
  assert.equal((await lifeboat.failureOf(handle)).type, 'Terminated');
  const { reclaimed } = await lifeboat.run<{ reclaimed: Record<string, string> }>('watchdog');
  assert.equal(reclaimed[server.containerName], 'started');
  await servesWithAllItsData();
  await leavesNothing(before);
});

test('a kill -9 of the worker during the dump: the next worker takes the backup to its end', async () => {
  await admin.set('slow');
  const before = (await lifeboat.sets()).length;
  const handle = await lifeboat.start('backup');
  await whileDumping();
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
  const result = (await handle.result()) as BackupResult;
  assert.equal(result.state, 'complete');
  await servesWithAllItsData();
  await leavesNothing(before + 1);
});

test('a reset: the backup goes on with what it had staged', async () => {
  const before = (await lifeboat.sets()).length;
  const resetAndLook = async () => {
    const query = `TaskQueue = "${lifeboat.taskQueue}" AND WorkflowType = "backup" AND ExecutionStatus = "Running"`;
    const { value: open } = await lifeboat.client.workflow.list({ query })[Symbol.asyncIterator]().next();
    const handle = lifeboat.client.workflow.getHandle(open.workflowId);
    const { events } = await handle.fetchHistory();
    const last = events?.findLast(({ workflowTaskCompletedEventAttributes: done }) => done)?.eventId;
    await lifeboat.client.workflowService.resetWorkflowExecution({
      namespace: lifeboat.testbed.temporal.namespace,
      workflowExecution: { workflowId: open.workflowId, runId: open.runId },
      reason: 'a test',
      requestId: unique('reset'),
      workflowTaskFinishEventId: last ?? null,
    });
    // It must not take the staging for that of a dead run.
    await lifeboat.run('watchdog');
  };
  const handle = await breakRun(lifeboat, {
    ...{ service, workflow: 'backup', input: {}, step: 'describeGraphs', fault: resetAndLook },
  });
  const reset = lifeboat.client.workflow.getHandle(handle.workflowId);
  assert.equal(((await reset.result()) as BackupResult).state, 'complete');
  await servesWithAllItsData();
  await leavesNothing(before + 1);
});

test('a second backup while the service is busy', async () => {
  await admin.set('slow');
  const before = (await lifeboat.sets()).length;
  const first = await lifeboat.start('backup');
  await whileDumping();
  const failure = await lifeboat.failureOf(await lifeboat.start('backup'));
  assert.equal(failure.type, 'ServiceBusy');
  assert.equal(((await first.result()) as BackupResult).state, 'complete');
  await servesWithAllItsData();
  await leavesNothing(before + 1);
});

test('a Neo4j that was killed, and is found stopped', async () => {
  const container = lifeboat.engine.getContainer(server.containerName);
  const driver = server.driver();
  // Written and not checkpointed, so that the store really needs recovery.
  await driver.executeQuery('MATCH (n:Person) SET n.seen = true', {}, { database: 'neo4j' });
  await driver.close();
  await container.kill();
  const result = await lifeboat.run<BackupResult>('backup');
  assert.equal(result.state, 'complete');
  const { State } = await container.inspect();
  assert.equal(State.Running, false, 'it is left as it was found');
  const { reclaimed } = await lifeboat.run<WatchdogResult>('watchdog');
  assert.deepEqual(reclaimed, {});
  assert.equal((await container.inspect()).State.Running, false, 'nor does the watchdog start it');
  await container.start();
  await servesWithAllItsData();
});

test('what a person stops after a run had died before its own stop stays down', async () => {
  const engine = connectEngine({ socketPath: lifeboat.testbed.docker.socketPath });
  actFor(engine, lifeboat.taskQueue);
  const graph = await findContainer(engine, { container: server.containerName });
  // What such a run leaves: its record, whose time for the stop is over by now.
  await recordInterruption(engine, graph, {
    ...{ action: 'stop', service, workflowId: unique('dead'), runId: randomUUID(), graceSeconds: -3600 },
  });
  const container = engine.getContainer(server.containerName);
  await container.stop();
  const { reclaimed } = await lifeboat.run<WatchdogResult>('watchdog');
  assert.deepEqual(reclaimed, { [server.containerName]: 'left to the person who stopped it' });
  assert.equal((await container.inspect()).State.Running, false);
  await container.start();
  await servesWithAllItsData();
  assert.deepEqual(await lifeboat.remains([service]), []);
});
