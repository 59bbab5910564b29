// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Driver } from 'neo4j-driver';
import { walkDump } from '../../src/adapters/neo4j/dump-walker.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { countGraph, deleteGraph, loadGraph, withDriver } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const service = unique('graph');
let server: Neo4jServer;
let lifeboat: Lifeboat;

before(async () => {
  server = await useTestbed().startNeo4j();
  lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server) } });
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
});

const onGraph = <T>(call: (driver: Driver) => Promise<T>) => withDriver(server, call);

test('a backup without input takes every database into one committed set, and the graph comes back from it', async () => {
  const graph = await onGraph((driver) => loadGraph(driver, 2000));
  const handle = await lifeboat.start('backup');
  const result = (await handle.result()) as BackupResult;

  assert.equal(result.state, 'complete');
  assert.deepEqual(result.repositories, { local: 'ok' });
  assert.ok((result.offlineSeconds[service] ?? 0) > 0);
  assert.deepEqual(await onGraph(countGraph), graph, 'the backup changed nothing');

  const [set] = await lifeboat.sets();
  assert.ok(set && 'manifest' in set);
  assert.equal(set.set, result.set);
  assert.deepEqual(set.manifest.artifacts.map(({ name }) => name).sort(), ['neo4j', 'system']);
  const [record] = set.manifest.services;
  assert.ok(record?.kind === 'neo4j');
  assert.equal(record.facts?.neo4j?.nodes, graph.nodes);
  assert.equal(record.mode, 'dump');
  for (const artifact of set.manifest.artifacts) {
    const walked = await walkDump(await lifeboat.repository.get(artifact.path));
    assert.deepEqual({ files: walked.files, bytes: walked.bytes }, artifact.archive);
  }
  assert.deepEqual(await lifeboat.remains([service]), []);

  const { events } = await handle.fetchHistory();
  assert.ok((events?.length ?? 0) < 150, `${events?.length} events`);

  await onGraph(deleteGraph);
  assert.equal((await onGraph(countGraph)).nodes, 0);
  const restored = await lifeboat.run<RestoreResult>('restore');
  assert.equal(restored.set, result.set);
  assert.equal(restored.services[0]?.compared, true);
  assert.deepEqual(await onGraph(countGraph), graph);

  const undone = await lifeboat.run<RestoreResult>('restore', { undo: true });
  assert.equal(undone.services[0]?.service, service);
  assert.equal((await onGraph(countGraph)).nodes, 0, 'the undo brought the emptied graph back');
  assert.deepEqual(await lifeboat.remains([service]), []);
});

test('a service that was stopped before is backed up and left stopped', async () => {
  const container = lifeboat.engine.getContainer(server.containerName);
  await container.stop({ t: 60 });
  const result = await lifeboat.run<BackupResult>('backup');
  assert.equal(result.state, 'complete');
  assert.equal(result.offlineSeconds[service], 0);
  const { State } = await container.inspect();
  assert.equal(State.Running, false);
  await container.start();
  await server.untilServing();
});

test('a container that was recreated under its name is found again', async () => {
  const container = lifeboat.engine.getContainer(server.containerName);
  const { Config, HostConfig, Id } = await container.inspect();
  await container.stop({ t: 60 });
  await container.remove();
  const recreated = await lifeboat.engine.createContainer({
    ...Config,
    HostConfig,
    name: server.containerName,
  });
  await recreated.start();
  await server.untilServing();
  assert.notEqual(recreated.id, Id);
  const result = await lifeboat.run<BackupResult>('backup');
  assert.equal(result.state, 'complete');
});

test('a server whose default database has another name, beside the folder that an earlier one has left', async () => {
  const renamed = await useTestbed().startNeo4j({ database: 'movies' });
  const movies = unique('movies');
  const other = await startLifeboat({ services: { [movies]: neo4jSection(renamed) } });
  try {
    const driver = renamed.driver();
    await loadGraph(driver, 200, 'movies');
    await driver.close();
    const container = other.engine.getContainer(renamed.containerName);
    await container.stop({ t: 60 });
    const { Mountpoint } = await other.engine.getVolume(renamed.volumes.data).inspect();
    for (const kind of ['databases', 'transactions']) {
      const folder = join(Mountpoint, kind);
      await promisify(execFile)('cp', ['-a', join(folder, 'movies'), join(folder, 'earlier')]);
    }
    await container.start();
    await renamed.untilServing();

    const { set, state } = await other.run<BackupResult>('backup');
    assert.equal(state, 'complete');
    const record = await other.neo4jRecord(set);
    assert.deepEqual(record.databases.toSorted(), ['earlier', 'movies', 'system']);
    assert.deepEqual(
      Object.keys(record.facts ?? {}),
      ['movies'],
      'the other one is not served, so it can not be counted',
    );
    assert.deepEqual(await other.remains([movies]), []);
    const drill = await other.run<DrillResult>('drill');
    assert.equal(drill.verdict, 'ok');
  } finally {
    await other.close();
    await renamed.remove();
  }
});
