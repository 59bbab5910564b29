// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { startWriting, type WritingClient } from '../testbed/writing-client.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';

// A frozen server is given back as surely as a stopped one: its clients wait, whatever breaks, and are not sent away.

const service = unique('graph');
let server: Neo4jServer;
let lifeboat: Lifeboat;
let client: WritingClient;
let driver: ReturnType<Neo4jServer['driver']>;
let startedAt: string;

before(async () => {
  server = await useTestbed().startNeo4j();
  lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server, { mode: 'freeze' }) } });
  driver = server.driver();
  client = startWriting(driver);
  startedAt = (await state()).StartedAt;
});

after(async () => {
  await client?.stop();
  await driver?.close();
  await lifeboat?.close();
  await server?.remove();
});

afterEach(async () => await lifeboat.mend());

const section = () => lifeboat.client.workflow.getHandle(`offline/${lifeboat.taskQueue}/${service}`);
const state = async () => (await lifeboat.engine.getContainer(server.containerName).inspect()).State;

/** A backup that stands still because a step that did its work does not answer: with Neo4j frozen, or just let go on by the copy. */
async function standingBackup(activity: 'openWindow' | 'copyStore'): Promise<WorkflowHandle> {
  const { handle } = await lifeboat.startBroken({ activity, how: 'stall' }, 'backup');
  assert.equal((await state()).Paused, activity === 'openWindow');
  return handle;
}

/** The promise: it goes on by itself, was never stopped, and its client lost nothing but time. */
async function goesOn(): Promise<void> {
  await until('a Neo4j that is not frozen', async () => !(await state()).Paused);
  const before = client.acknowledged.length;
  await until('a write that succeeds', () => client.acknowledged.length > before);
  assert.deepEqual(client.failures, []);
  assert.equal((await state()).StartedAt, startedAt);
  await lifeboat.nothingRemains([service], 60_000);
  // Its critical section may still be at its last step, and would send the next run away.
  const isOver = async () => (await section().describe()).status.name !== 'RUNNING';
  await until('the end of the critical section', isOver);
}

test('a cancel while it is frozen', async () => {
  const handle = await standingBackup('openWindow');
  await handle.cancel();
  assert.equal((await lifeboat.failureOf(handle)).type, 'Cancelled');
  await goesOn();
});

test('a terminate of the backup while it is frozen', async () => {
  const handle = await standingBackup('openWindow');
  await handle.terminate('a test');
  await goesOn();
});

test('a terminate of the critical section while it is frozen: the watchdog lets it go on', async () => {
  const handle = await standingBackup('openWindow');
  await section().terminate('a test');
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
  const failure = await lifeboat.failureOf(handle);
  assert.equal(failure.type, 'Terminated');
  // The look of the new worker's start may be one that the last worker had begun, and have looked too early.
  const looks = await lifeboat.look();
  const outcomes = looks.map(({ reclaimed }) => reclaimed[server.containerName]);
  assert.ok(outcomes.includes('started'), outcomes.join());
  await goesOn();
});

test('a kill -9 of the worker while it is frozen: the next worker takes the backup to its end', async () => {
  const handle = await standingBackup('openWindow');
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
  const result = (await handle.result()) as BackupResult;
  assert.equal(result.state, 'complete');
  await goesOn();
});

test('a kill -9 of the worker when the copy has just let it go on: it is frozen and copied anew', async () => {
  const handle = await standingBackup('copyStore');
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
  const { set, state: outcome } = (await handle.result()) as BackupResult;
  assert.equal(outcome, 'complete');
  const found = (await lifeboat.sets()).find((one) => one.set === set);
  assert.ok(found && 'manifest' in found);
  const [record] = found.manifest.services;
  assert.ok(record?.kind === 'neo4j');
  assert.deepEqual([record.mode, record.fallbacks], ['freeze', undefined]);
  await goesOn();
});
