// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { QdrantRecord } from '../../src/model/manifest.ts';
import { applicationPauseId } from '../../src/model/names.ts';
import type { Progress } from '../../src/model/progress.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type Neo4jServer, TESTBED_LABEL } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until, watched } from '../testbed/until.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const vectors = unique('vectors');
const missing = unique('missing');
const locked = unique('locked');
const graph = unique('graph');
const application = unique('lifeboat-test-application');
let server: Neo4jServer;
let collections: Collections;
let lifeboat: Lifeboat;
/** With another configuration of the same servers. */
let refused: Lifeboat | undefined;
let notes: string;
let places: string;

before(async () => {
  const testbed = useTestbed();
  collections = await startCollections();
  notes = await collections.make('notes', { points: 60, aliases: ['notes_now', 'notes_too'] });
  places = await collections.make('places', { points: 20 });
  await collections.make('draft_ideas', { points: 5 });
  server = await testbed.startNeo4j();
  const { id } = await testbed.engine.createContainer({
    name: application,
    Image: testbed.neo4jImage,
    Entrypoint: ['sleep'],
    Cmd: ['infinity'],
    Labels: { [TESTBED_LABEL]: testbed.id },
    HostConfig: { NetworkMode: 'none' },
  });
  await testbed.engine.getContainer(id).start();
  lifeboat = await startLifeboat({
    services: {
      [vectors]: collections.section({ exclude: [collections.unique('draft_*')] }),
      [graph]: neo4jSection(server),
    },
    quiesce: [application],
  });
});

after(async () => {
  await refused?.close();
  await lifeboat?.close();
  await server?.remove();
  await collections?.close();
  await useTestbed().engine.getContainer(application).remove({ force: true });
});

afterEach(async () => {
  if (collections.standIn) await collections.forgetFaults();
});

/** Only the stand-in takes faults. */
const needsFaults = { skip: process.env.LIFEBOAT_TEST_QDRANT_URL ? 'a real server takes no faults' : false };
/** A server without a key lets everybody in. */
const needsKey = {
  skip:
    process.env.LIFEBOAT_TEST_QDRANT_URL && !process.env.LIFEBOAT_TEST_QDRANT_API_KEY
      ? 'the server wants no key'
      : false,
};

const onlyVectors = { services: [vectors] };

const snapshots = async (): Promise<string[]> =>
  (await Promise.all([notes, places].map((name) => collections.snapshots(name)))).flat();

/** A run that failed leaves no set, nothing on the server and nothing in the engine. */
async function leavesNothing(sets: number): Promise<void> {
  assert.equal((await lifeboat.sets()).length, sets);
  await until('a server without our snapshots', async () => (await snapshots()).length === 0);
  await lifeboat.nothingRemains([vectors, graph]);
}

async function recordOf(set: string): Promise<QdrantRecord> {
  const found = (await lifeboat.sets()).find((one) => one.set === set);
  assert.ok(found && 'manifest' in found);
  const record = found.manifest.services.find(({ kind }) => kind === 'qdrant');
  assert.ok(record?.kind === 'qdrant');
  return record;
}

describe('the collections that are meant', () => {
  test('are described and stored, and the server keeps nothing of it', async () => {
    const result = await lifeboat.run<BackupResult>('backup', onlyVectors);
    assert.equal(result.state, 'complete');
    const record = await recordOf(result.set);
    assert.equal(record.version, await collections.qdrant.version());
    assert.deepEqual(
      record.collections.map(({ name, points, aliases }) => [name, points, aliases.toSorted()]),
      [
        [notes, 60, [collections.unique('notes_now'), collections.unique('notes_too')]],
        [places, 20, []],
      ],
    );
    const [first] = record.collections;
    assert.ok(first);
    assert.deepEqual((first.config.params as { vectors: unknown }).vectors, { size: 4, distance: 'Cosine' });
    assert.equal((first.payloadSchema.tag as { data_type: string }).data_type, 'keyword');
    assert.ok((first.sample?.length ?? 0) > 0);
    const [newest] = await lifeboat.sets();
    assert.ok(newest && 'manifest' in newest);
    for (const artifact of newest.manifest.artifacts) {
      assert.equal(artifact.compression, 'zstd');
      assert.equal(artifact.serverChecksum, artifact.content.sha256);
    }
    assert.deepEqual(await snapshots(), []);
    assert.deepEqual(await lifeboat.remains([vectors]), []);
  });

  test('one that is named and is not there fails the run, in words', async () => {
    const other = await startLifeboat({
      services: { [missing]: collections.section({ include: [collections.unique('absent')] }) },
    });
    const failure = await other.failureOf(await other.start('backup'));
    await other.close();
    assert.equal(failure.type, 'CollectionNotFound');
    assert.match(failure.message, new RegExp(`has no collection "${collections.unique('absent')}"`));
  });

  test('a key that is refused fails the run', needsKey, async () => {
    refused = await startLifeboat({
      services: { [locked]: collections.section({ apiKey: 'not-the-key' }), [graph]: neo4jSection(server) },
    });
    const failure = await refused.failureOf(await refused.start('backup', { services: [locked] }));
    assert.equal(failure.type, 'QdrantUnauthorized');
    assert.doesNotMatch(failure.message, /not-the-key/);
  });

  test('with a graph beside it, the set is partial, says so, and is nobody’s latest', needsKey, async () => {
    assert.ok(refused);
    const result = await refused.run<BackupResult>('backup');
    assert.equal(result.state, 'partial');
    assert.deepEqual(
      result.failures.map(({ service, type }) => [service, type]),
      [[locked, 'QdrantUnauthorized']],
    );
    const [only] = await refused.sets();
    assert.ok(only && 'manifest' in only);
    assert.equal(only.manifest.state, 'partial');
    assert.deepEqual(only.manifest.failures, result.failures);
    const failure = await refused.failureOf(await refused.start('verify', { set: 'latest' }));
    assert.ok(['SetNotFound', 'SetPartial'].includes(failure.type), failure.type);
  });
});

describe('our snapshots go from the server', () => {
  test('when the run is cancelled while the server still writes it', needsFaults, async () => {
    const before = (await lifeboat.sets()).length;
    await collections.fault({ method: 'POST', path: '/snapshots$', delayMs: 3000, times: 2 });
    const handle = await lifeboat.start('backup', onlyVectors);
    await until('a snapshot that is being taken', async () => await isTaking(handle));
    await handle.cancel();
    assert.equal((await lifeboat.failureOf(handle)).type, 'Cancelled');
    // The server goes on with what its client has given up.
    await sleep(3500);
    await leavesNothing(before);
  });

  test('when the run is cancelled while one is being stored', async () => {
    const before = (await lifeboat.sets()).length;
    if (collections.standIn) await collections.fault({ method: 'GET', path: '\\.snapshot$', delayMs: 3000 });
    const handle = await lifeboat.start('backup', onlyVectors);
    await until('a snapshot', async () => (await snapshots()).length > 0);
    await handle.cancel();
    const failure = await lifeboat.failureOf(handle);
    assert.equal(failure.type, 'Cancelled');
    await leavesNothing(before);
  });

  test('when a snapshot arrives damaged twice, and the run fails', needsFaults, async () => {
    const before = (await lifeboat.sets()).length;
    // More often than it is asked: two snapshots of one second have one name, and then a third is taken.
    await collections.fault({ method: 'POST', path: `${notes}/snapshots$`, corruptChecksum: true, times: 5 });
    const handle = await lifeboat.start('backup', onlyVectors);
    const failure = await lifeboat.failureOf(handle);
    assert.equal(failure.type, 'ChecksumMismatch');
    assert.match(failure.message, new RegExp(`snapshot of "${notes}" arrived with sha256`));
    await leavesNothing(before);
  });

  test('when it arrived damaged once, and was taken again', needsFaults, async () => {
    await collections.fault({ method: 'POST', path: `${notes}/snapshots$`, corruptChecksum: true });
    const handle = await lifeboat.start('backup', onlyVectors);
    const result = (await handle.result()) as BackupResult;
    assert.equal(result.state, 'complete');
    const { lines } = await handle.query<Progress>('progress');
    assert.ok(
      lines.some((line) => line.includes(`snapshot of ${notes} is damaged, and is taken again`)),
      lines.join('\n'),
    );
    assert.deepEqual(await snapshots(), []);
  });

  test('and a worker that is killed while one is written has no second one taken', needsFaults, async () => {
    await collections.fault({ method: 'POST', path: `${notes}/snapshots$`, delayMs: 2000 });
    const handle = await lifeboat.start('backup', onlyVectors);
    await until('a snapshot that is being taken', async () => await isTaking(handle));
    await lifeboat.worker.kill('SIGKILL');
    const seen = new Set<string>();
    const look = async () => {
      for (const name of await collections.snapshots(notes)) seen.add(name);
    };
    const result = await watched<BackupResult>(
      lifeboat.startWorker().then(() => handle.result()),
      look,
      { everyMs: 30 },
    );
    assert.equal(result.state, 'complete');
    assert.equal(seen.size, 1, [...seen].join(', '));
    assert.deepEqual(await snapshots(), []);
    assert.deepEqual(await lifeboat.remains([vectors]), []);
  });
});

/** An activity of the run asks the server for a snapshot right now. */
async function isTaking(handle: WorkflowHandle): Promise<boolean> {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).some(
    ({ activityType, state }) => activityType?.name === 'takeSnapshot' && state === 2,
  );
}

describe('a consistent set', () => {
  const paused = async (): Promise<boolean> =>
    (await useTestbed().engine.getContainer(application).inspect()).State.Paused;
  const all = { services: [graph, vectors], consistent: true };

  test('is taken while the application is paused, which then goes on', async () => {
    let seen = false;
    const result = await watched(lifeboat.run<BackupResult>('backup', all), async () => {
      seen ||= await paused();
    });
    assert.equal(result.state, 'complete');
    assert.equal(seen, true, 'the application was paused');
    assert.equal(await paused(), false);
    const found = (await lifeboat.sets()).find((one) => one.set === result.set);
    assert.ok(found && 'manifest' in found);
    assert.equal(found.manifest.consistent, true);
    assert.ok((found.manifest.skewSeconds ?? -1) >= 0);
    await server.untilServing();
    assert.deepEqual(await lifeboat.remains([graph, vectors]), []);
  });

  test('of which the application was not held up to the end does not call itself so', async () => {
    const { handle, goOn } = await lifeboat.startBroken(
      { activity: 'takeSnapshot', how: 'stall' },
      'backup',
      all,
    );
    // Stands for the half hour after which the application goes on by itself.
    const pause = lifeboat.client.workflow.getHandle(applicationPauseId(lifeboat.taskQueue));
    await pause.terminate('a test');
    await lifeboat.run('watchdog');
    assert.equal(await paused(), false);
    await goOn();
    const result = (await handle.result()) as BackupResult;
    await lifeboat.mend();
    assert.equal(result.state, 'complete');
    const found = (await lifeboat.sets()).find((one) => one.set === result.set);
    assert.ok(found && 'manifest' in found);
    assert.equal(found.manifest.consistent, false);
    await server.untilServing();
    assert.deepEqual(await lifeboat.remains([graph, vectors]), []);
  });

  test('that is terminated lets the application go on, and the graph serve', async () => {
    const before = (await lifeboat.sets()).length;
    const handle = await lifeboat.start('backup', all);
    await until('a paused application', paused);
    await handle.terminate('the test says so');
    assert.equal((await lifeboat.failureOf(handle)).type, 'Terminated');
    await until('an application that goes on', async () => !(await paused()));
    await server.untilServing();
    const pause = lifeboat.client.workflow.getHandle(applicationPauseId(lifeboat.taskQueue));
    const isOver = async () => (await pause.describe()).status.name !== 'RUNNING';
    await until('the end of the pause', isOver);
    assert.equal((await lifeboat.sets()).length, before);
    await lifeboat.nothingRemains([graph]);
  });

  test('that is cancelled while the graph is down lets the application go on once the graph is back', async () => {
    const before = (await lifeboat.sets()).length;
    const up = async () =>
      (await useTestbed().engine.getContainer(server.containerName).inspect()).State.Running;
    const handle = await lifeboat.start('backup', all);
    await until('a graph that is down', async () => !(await up()));
    await handle.cancel();
    assert.equal((await lifeboat.failureOf(handle)).type, 'Cancelled');
    assert.deepEqual([await paused(), await up()], [false, true]);
    await server.untilServing();
    assert.equal((await lifeboat.sets()).length, before);
    await lifeboat.nothingRemains([graph]);
  });

  test('that fails lets it go on too', needsFaults, async () => {
    await collections.fault({ method: 'POST', path: `${notes}/snapshots$`, corruptChecksum: true, times: 5 });
    const result = await lifeboat.run<BackupResult>('backup', all);
    assert.equal(result.state, 'partial');
    assert.equal(await paused(), false);
    await server.untilServing();
    assert.deepEqual(await snapshots(), []);
  });
});
