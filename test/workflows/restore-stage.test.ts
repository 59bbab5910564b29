// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver } from 'neo4j-driver';
import { listVolumes } from '../../src/adapters/docker/volume.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { KeptResult } from '../../src/workflows/kept.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { breakRun, type Fault, scratchOf } from '../faults/broken-run.ts';
import { countGraph, type GraphCounts, loadGraph, withDriver } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const service = unique('graph');
let server: Neo4jServer;
let lifeboat: Lifeboat;
let backedUp: GraphCounts;
let run = 0;

before(async () => {
  server = await useTestbed().startNeo4j();
  lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server) } });
  backedUp = await graph(async (driver) => await loadGraph(driver, 300));
  await lifeboat.run<BackupResult>('backup');
});

after(async () => {
  await lifeboat?.close();
  for (const volume of await keptVolumes()) await lifeboat.engine.getVolume(volume).remove();
  await server?.remove();
});

// The data from before a restore can be told from that of the set.
beforeEach(async () => {
  run += 1;
  await graph((driver) =>
    driver.executeQuery('MERGE (m:Before) SET m.run = $run', { run }, { database: 'neo4j' }),
  );
});

const graph = <T>(call: (driver: Driver) => Promise<T>) => withDriver(server, call);

/** `old` with the number of the test, or `set`: what serves. */
async function serves(): Promise<string> {
  return await graph(async (driver) => {
    const { records } = await driver.executeQuery('MATCH (m:Before) RETURN m.run AS run', {}, DATABASE);
    if (records[0]) return `old ${records[0].get('run')}`;
    assert.deepEqual(await countGraph(driver), backedUp);
    return 'set';
  });
}
const DATABASE = { database: 'neo4j' };

async function keptVolumes(): Promise<string[]> {
  const volumes = await listVolumes(lifeboat.engine, {
    'lifeboat.role': 'kept',
    'lifeboat.service': service,
  });
  return volumes.map(({ name }) => name);
}

async function kept(): Promise<(string | null)[]> {
  const { services } = await lifeboat.run<KeptResult>('kept', { services: [service] });
  return services[0]?.kept.map(({ restore }) => restore) ?? [];
}

const inContainer = async (...command: string[]): Promise<string> => {
  const exec = await lifeboat.engine
    .getContainer(server.containerName)
    .exec({ Cmd: command, User: '7474:7474', AttachStdout: true, Tty: true });
  let output = '';
  for await (const chunk of await exec.start({ Tty: true })) output += String(chunk);
  return output.trim();
};

test('a client that writes as soon as Neo4j is back does not undo the restore', async () => {
  const driver = server.driver();
  let stopped = false;
  const writing = (async () => {
    while (!stopped) {
      // A session of its own each: one that had written before waits for what it wrote.
      const session = driver.session(DATABASE);
      await session.run('CREATE (:Written)').catch(() => {});
      await session.close();
      await sleep(20);
    }
  })();
  try {
    const result = await lifeboat.run<RestoreResult>('restore', { services: [service] });
    // Its writes can't be told from a loss, so nothing is said of the counts.
    assert.equal(result.services[0]?.compared, false);
  } finally {
    stopped = true;
    await writing;
    await driver.close();
  }
  await graph(async (driver) => {
    const { records } = await driver.executeQuery(
      'OPTIONAL MATCH (m:Before) WITH count(m) AS old OPTIONAL MATCH (w:Written) RETURN old, count(w) AS written',
      {},
      DATABASE,
    );
    assert.equal(Number(records[0]?.get('old')), 0);
    assert.ok(Number(records[0]?.get('written')) > 0);
    await driver.executeQuery('MATCH (w:Written) DELETE w', {}, DATABASE);
  });
  assert.equal(await serves(), 'set');
});

describe('a restore that is staged elsewhere', () => {
  const input = { services: [service], stage: 'elsewhere' };

  test('serves the set, keeps the old stores on a volume of its own, and can be undone twice', async () => {
    const result = await lifeboat.run<RestoreResult>('restore', input);
    assert.match(result.warnings.join(' '), /offline window grows/);
    assert.equal(result.services[0]?.compared, true);
    assert.equal(await serves(), 'set');
    assert.deepEqual(await kept(), [result.restore]);
    const volumes = await keptVolumes();
    assert.equal(volumes.length, 1);
    assert.deepEqual(await lifeboat.remains([service]), [`volume ${volumes[0]}`]);
    assert.equal(await inContainer('sh', '-c', 'ls -A /data/.lifeboat 2>/dev/null'), '');

    const undone = await lifeboat.run<RestoreResult>('restore', { services: [service], undo: true });
    assert.equal(await serves(), `old ${run}`);
    assert.deepEqual(await kept(), [undone.restore]);
    const again = await lifeboat.run<RestoreResult>('restore', { services: [service], undo: true });
    assert.equal(await serves(), 'set');
    assert.deepEqual(await kept(), [again.restore]);
    await lifeboat.run('watchdog');
    assert.deepEqual(await keptVolumes(), volumes);

    const next = await lifeboat.run<RestoreResult>('restore', { services: [service] });
    assert.equal(await serves(), 'set');
    assert.deepEqual(await kept(), [next.restore]);
    assert.deepEqual(await lifeboat.remains([service]), []);
  });

  const faults: [string, Fault][] = [
    ['compareRestored', 'failure'],
    ['loadDump', 'terminate'],
    ['swapStores', 'terminate'],
    ['swapStores', 'section terminated'],
    ['tryServing', 'cancel'],
  ];
  for (const [step, fault] of faults) {
    test(`leaves the old data serving, and nothing else, after ${fault} at ${step}`, async () => {
      const handle = await breakRun(lifeboat, { service, workflow: 'restore', input, step, fault });
      assert.equal(await serves(), `old ${run}`);
      assert.deepEqual(await lifeboat.remains([service]), []);
      assert.deepEqual(await scratchOf(lifeboat, server), []);
      if (fault === 'failure') {
        const { type, message } = await lifeboat.failureOf(handle);
        assert.equal(type, 'RestoreFailed');
        assert.match(message, /the data from before is back and serving/);
      }
    });
  }
});

describe('a restore on the service’s own volume', () => {
  test('keeps the old stores through the end of its critical section by another hand', async () => {
    const input = { services: [service] };
    const fault = 'section terminated';
    await breakRun(lifeboat, { service, workflow: 'restore', input, step: 'swapStores', fault });
    assert.equal(await serves(), `old ${run}`);
    assert.deepEqual(await lifeboat.remains([service]), []);
    assert.deepEqual(await scratchOf(lifeboat, server), []);
  });

  test('whose undo is ended in the same way still has what was kept', async () => {
    await lifeboat.run<RestoreResult>('restore', { services: [service] });
    assert.equal(await serves(), 'set');
    const input = { services: [service], undo: true };
    const fault = 'section terminated';
    await breakRun(lifeboat, { service, workflow: 'restore', input, step: 'swapStores', fault });
    assert.equal(await serves(), 'set');
    await lifeboat.run<RestoreResult>('restore', input);
    assert.equal(await serves(), `old ${run}`);
  });

  test('that is cancelled when its outcome was found good already keeps the old stores', async () => {
    const input = { services: [service] };
    await breakRun(lifeboat, { service, workflow: 'restore', input, step: 'acceptSwap', fault: 'cancel' });
    assert.equal(await serves(), 'set');
    await lifeboat.run<RestoreResult>('restore', { services: [service], undo: true });
    assert.equal(await serves(), `old ${run}`);
  });
});

describe('of several restores', () => {
  const input = { services: [service] };

  test('only what the last one replaced is kept, also when its run was ended before it could see to that', async () => {
    const first = await lifeboat.run<RestoreResult>('restore', input);
    assert.deepEqual(await kept(), [first.restore]);
    await graph((driver) =>
      driver.executeQuery('MERGE (m:Before) SET m.run = $run', { run }, { database: 'neo4j' }),
    );
    await breakRun(lifeboat, { service, workflow: 'restore', input, step: 'acceptSwap', fault: 'terminate' });
    assert.equal(await serves(), 'set');
    const left = await kept();
    assert.equal(left.length, 1, left.join());
    assert.notDeepEqual(left, [first.restore]);
    await lifeboat.run<RestoreResult>('restore', { services: [service], undo: true });
    assert.equal(await serves(), `old ${run}`);
  });
});

describe('a restore that clears the data first', () => {
  const input = { services: [service], clear: true };
  const leftover = '/data/databases/leftover';
  const databases = () => inContainer('ls', '/data/databases');

  test('is refused, with nothing touched, unless the service is named as a confirmation', async () => {
    const { StartedAt } = (await lifeboat.engine.getContainer(server.containerName).inspect()).State;
    for (const confirm of [undefined, 'yes']) {
      const failure = await lifeboat.failureOf(await lifeboat.start('restore', { ...input, confirm }));
      assert.equal(failure.type, 'ConfirmationMismatch');
      assert.match(failure.message, new RegExp(`"confirm": "${service}". Nothing was changed`));
    }
    assert.equal(await serves(), `old ${run}`);
    const { State } = await lifeboat.engine.getContainer(server.containerName).inspect();
    assert.equal(State.StartedAt, StartedAt);
  });

  test('takes every database away, keeps all of them, and brings them back when it fails or is undone', async () => {
    await inContainer('mkdir', leftover);
    await inContainer('touch', `${leftover}/neostore`);
    const confirmed = { ...input, confirm: service };
    const fault = 'failure';
    await breakRun(lifeboat, { service, workflow: 'restore', input: confirmed, step: 'tryServing', fault });
    assert.equal(await serves(), `old ${run}`);
    assert.match(await databases(), /leftover/);

    const result = await lifeboat.run<RestoreResult>('restore', confirmed);
    assert.deepEqual(result.services[0]?.databases?.toSorted(), ['leftover', 'neo4j']);
    assert.equal(await serves(), 'set');
    assert.doesNotMatch(await databases(), /leftover/);
    await lifeboat.run<RestoreResult>('restore', { services: [service], undo: true });
    assert.equal(await serves(), `old ${run}`);
    assert.match(await databases(), /leftover/);
  });
});
