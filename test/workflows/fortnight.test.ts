// needs: docker neo4j temporal s3
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listSets } from '../../src/adapters/repository/catalog.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { policyFor } from '../../src/config/retention.ts';
import { planRetention, type RetentionSet } from '../../src/model/retention.ts';
import { applySchedules } from '../../src/schedules/apply-schedules.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { PruneResult } from '../../src/workflows/prune.ts';
import { loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

// A day takes six seconds, so a week 42 of them, and a retention of "1m" is one of ten days.
const NIGHTS = 14;
const WEEKS = 2;

const graph = unique('graph');
const notes = unique('notes');
let folder: string;
let server: Neo4jServer;
let collections: Collections;
let collection: string;
let lifeboat: Lifeboat;
let config: Config;

before(async () => {
  const testbed = useTestbed();
  folder = await mkdtemp(join(testbed.directory, 'fortnight-'));
  await mkdir(join(folder, 'local'));
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = testbed.s3;
  server = await testbed.startNeo4j();
  const driver = server.driver();
  await loadGraph(driver, 500);
  await driver.close();
  collections = await startCollections();
  collection = await collections.make('notes', { points: 200, aliases: ['current'] });
  const everyNight = { services: [notes], wait: true };
  const everyWeek = { services: [graph, notes], wait: true };
  lifeboat = await startLifeboat({
    services: { [graph]: neo4jSection(server), [notes]: collections.section() },
    repositories: {
      local: { kind: 'directory', path: join(folder, 'local') },
      offsite: {
        ...{ kind: 's3', endpoint, region, bucket, accessKeyId, secretAccessKey },
        prefix: unique('fortnight'),
      },
    },
    retention: { keepLast: 3, repositories: { offsite: { keepLast: 4, keepWithin: '1m' } } },
    schedules: {
      nightly: { workflow: 'backup', every: '6s', input: everyNight },
      weekly: { workflow: 'backup', every: '42s', input: everyWeek },
      prune: { every: '14s' },
      replicate: { every: '10s' },
      watchdog: { every: '5s' },
    },
  });
  config = await loadConfig({ file: join(lifeboat.directory, 'lifeboat.yaml') });
});

after(async () => {
  if (lifeboat) await applySchedules(lifeboat.client.schedule, [], { taskQueue: lifeboat.taskQueue });
  await lifeboat?.close();
  await collections?.close();
  await server?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Runs of a schedule that are listed so. */
const count = async (schedule: string, status: string): Promise<number> => {
  const by = `TemporalScheduledById = '${lifeboat.taskQueue}/${schedule}'`;
  const query = `${by} AND ExecutionStatus = '${status}'`;
  return (await lifeboat.client.workflow.count(query)).count;
};

/** Every run that a schedule began is over, and listed so: what is listed lags behind what is. */
async function allOver(schedules: string[]): Promise<boolean> {
  const { client, taskQueue } = lifeboat;
  for (const name of schedules) {
    const { info } = await client.schedule.getHandle(`${taskQueue}/${name}`).describe();
    if (info.runningActions.length > 0) return false;
    const listed = await client.workflow.count(`TemporalScheduledById = '${taskQueue}/${name}'`);
    if (listed.count < info.numActionsTaken) return false;
  }
  const running = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
  return (await client.workflow.count(running)).count === 0;
}

/** The facts of every set that was ever made: of most of them nothing is left but the run that made them. */
async function setsEverMade(): Promise<RetentionSet[]> {
  const query = `TaskQueue = '${lifeboat.taskQueue}' AND WorkflowType = 'backup'`;
  const sets: RetentionSet[] = [];
  for await (const run of lifeboat.client.workflow.list({ query })) {
    const handle = lifeboat.client.workflow.getHandle(run.workflowId, run.runId);
    const { set, state, bytes, repositories, offlineSeconds, failures } =
      (await handle.result()) as BackupResult;
    assert.deepEqual(failures, [], set);
    assert.deepEqual(repositories, { local: 'ok', offsite: 'ok' });
    const services = graph in offlineSeconds ? [graph, notes] : [notes];
    sets.push({ id: set, createdAt: run.startTime.toISOString(), services, state, bytes });
  }
  return sets;
}

const idsIn = async (name: string): Promise<string[]> => {
  const declared = config.repositories.find((one) => one.name === name);
  assert.ok(declared);
  const repository = openRepository(declared);
  try {
    return (await listSets(repository)).map(({ set }) => set).sort();
  } finally {
    await repository.close();
  }
};

test('a fortnight of schedules ends with exactly the sets that retention says, and with everything up', {
  timeout: 12 * 60_000,
}, async () => {
  const { client, taskQueue } = lifeboat;
  await applySchedules(client.schedule, config.schedules, { taskQueue });
  const isOver = async () => {
    const [nights, weeks] = [await count('nightly', 'Completed'), await count('weekly', 'Completed')];
    return nights >= NIGHTS && weeks >= WEEKS;
  };
  await until('the end of the fortnight', isOver, { everyMs: 500, withinMs: 10 * 60_000 });
  const names = config.schedules.map(({ name }) => name);
  for (const name of names) await client.schedule.getHandle(`${taskQueue}/${name}`).pause();
  await until('the end of all runs', async () => await allOver(names), { everyMs: 500 });

  for (const name of names) {
    assert.ok((await count(name, 'Completed')) > 0, `${name} ran`);
    for (const status of ['Failed', 'TimedOut', 'Canceled', 'Terminated']) {
      assert.equal(await count(name, status), 0, `${name}: ${status}`);
    }
  }

  const made = await setsEverMade();
  // The last night's sets were made after the last prune.
  const pruned = await lifeboat.run<PruneResult>('prune');
  for (const name of ['local', 'offsite']) {
    assert.ok(config.retention);
    const plan = planRetention(made, policyFor(config.retention, name), new Date());
    assert.deepEqual(await idsIn(name), plan.keep.map(({ set }) => set.id).sort(), name);
    assert.ok(plan.expire.length > 0, `${name} has let sets go`);
    assert.deepEqual(pruned.repositories[name]?.unreadable, []);
  }
  const folders = await lifeboat.run<PruneResult>('prune');
  for (const one of Object.values(folders.repositories))
    assert.deepEqual([one.deleted, one.expired], [[], []]);

  const { State } = await lifeboat.engine.getContainer(server.containerName).inspect();
  assert.deepEqual([State.Running, State.Paused], [true, false]);
  await server.untilServing();
  assert.deepEqual(await lifeboat.remains([graph, notes]), []);
  assert.deepEqual(await collections.snapshots(collection), []);
  assert.equal(await collections.count(collection), 200);
});
