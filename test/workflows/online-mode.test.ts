// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ARTIFACTS, CHAIN, chainName } from '../../src/adapters/neo4j/backup-chain.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import { type Neo4jServer, startNeo4j } from '../testbed/neo4j.ts';
import { ensureEnterpriseImage } from '../testbed/neo4j-enterprise.ts';
import { freePort } from '../testbed/ports.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { dueWrites, startWriting } from '../testbed/writing-client.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const [online, community] = [unique('online'), unique('community')];
let server: Neo4jServer;
let other: Neo4jServer;
let lifeboat: Lifeboat;

before(async () => {
  const { engine, neo4jImage, id, startNeo4j: startCommunity } = useTestbed();
  const startEnterprise = async () =>
    await startNeo4j({
      docker: engine,
      image: await ensureEnterpriseImage(engine, neo4jImage),
      testbed: id,
      environment: {
        NEO4J_ACCEPT_LICENSE_AGREEMENT: 'yes',
        NEO4J_server_backup_listen__address: `127.0.0.1:${await freePort()}`,
      },
    });
  [server, other] = await Promise.all([startEnterprise(), startCommunity()]);
  lifeboat = await startLifeboat({
    services: {
      [online]: neo4jSection(server, { mode: 'auto' }),
      [community]: neo4jSection(other, { mode: 'online' }),
    },
  });
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
  await other?.remove();
  const chain = lifeboat?.engine.getVolume(chainName(online));
  await chain?.remove().catch(() => {});
});

const startedAt = async ({ containerName }: Neo4jServer) =>
  (await lifeboat.engine.getContainer(containerName).inspect()).State.StartedAt;

async function write(query: string): Promise<void> {
  const driver = server.driver();
  await driver.executeQuery(query);
  await driver.close();
}

const back = async () => await lifeboat.run<BackupResult>('backup', { services: [online] });

test('auto takes it on an Enterprise server: nobody waits, and every acknowledged write is in the set', async () => {
  const began = await startedAt(server);
  const driver = server.driver();
  const client = startWriting(driver);
  const result = await back();
  await client.stop();
  await driver.close();

  assert.deepEqual(client.failures, []);
  assert.equal(await startedAt(server), began, 'it was never stopped');
  const record = await lifeboat.neo4jRecord(result.set);
  assert.deepEqual(
    [record.mode, record.fallbacks, record.offlineSeconds, record.frozenSeconds],
    ['online', undefined, 0, undefined],
  );
  const { surely, perhaps } = dueWrites(client, record.window ?? assert.fail('no window'));
  const written = record.facts?.neo4j?.labels.Written ?? 0;
  assert.ok(surely > 0 && surely <= written && written <= perhaps, `${surely} <= ${written} <= ${perhaps}`);
  assert.deepEqual(await lifeboat.remains([online]), []);

  const drill = await lifeboat.run<DrillResult>('drill', { set: result.set });
  assert.equal(drill.verdict, 'ok');
});

test('a Community server is refused at once, and nothing is done to it', async () => {
  const began = await startedAt(other);
  const failure = await lifeboat.failureOf(await lifeboat.start('backup', { services: [community] }));
  assert.match(failure.message, /mode "online", and its container .* offers no such backup: .*Enterprise/);
  assert.equal(await startedAt(other), began);
  assert.deepEqual(await lifeboat.remains([community]), []);
});

test('one that fails gives way to a freeze, and is not tried again before a drill', async () => {
  const fault = { activity: 'takeOnlineBackup', how: 'fail' } as const;
  const { handle } = await lifeboat.startBroken(fault, 'backup', { services: [online] });
  const result = (await handle.result()) as BackupResult;
  const record = await lifeboat.neo4jRecord(result.set);
  assert.equal(record.mode, 'freeze');
  assert.deepEqual(
    record.fallbacks?.map(({ mode }) => mode),
    ['online'],
  );
  await lifeboat.mend();
  const next = await lifeboat.neo4jRecord((await back()).set);
  assert.deepEqual([next.mode, next.fallbacks], ['freeze', undefined]);
});

describe('the chain of what has changed', () => {
  let mountpoint: string;
  const artifacts = async () =>
    (await readdir(mountpoint)).filter((name) => name.startsWith('neo4j-')).sort();
  const kindOf = async (name: string) => (await readFile(join(mountpoint, name), 'latin1')).slice(0, 4);

  async function configure(change: object): Promise<void> {
    const config = JSON.parse(await readFile(lifeboat.configFile, 'utf8'));
    config.services[online] = neo4jSection(server, { mode: 'online', ...change });
    const timesRead = () => lifeboat.worker.output().split('was read anew').length;
    const before = timesRead();
    await writeFile(lifeboat.configFile, JSON.stringify(config));
    await until('a worker that has read its configuration anew', () => timesRead() > before);
  }

  before(async () => {
    await configure({ differentials: { fullEvery: 2 } });
    await back();
    const volume = await lifeboat.engine.getVolume(chainName(online)).inspect();
    mountpoint = join(volume.Mountpoint, ARTIFACTS.slice(CHAIN.length));
  });

  test('begins with a full backup, goes on with what has changed, and begins anew after so many', async () => {
    const [full] = await artifacts();
    assert.deepEqual([await kindOf(full ?? ''), (await artifacts()).length], ['FULL', 1]);
    await write('CREATE (:Later {n: 1})');
    const second = await back();
    const [, difference, ...more] = await artifacts();
    assert.deepEqual([await kindOf(difference ?? ''), more], ['DIFF', []]);
    const record = await lifeboat.neo4jRecord(second.set);
    assert.deepEqual([record.mode, record.facts?.neo4j?.labels.Later], ['online', 1]);
    await back();
    const [anew, ...others] = await artifacts();
    assert.deepEqual([await kindOf(anew ?? ''), others], ['FULL', []]);
  });

  test('that can not be read any more is forgotten, and a full one taken', async () => {
    const [broken] = await artifacts();
    await truncate(join(mountpoint, broken ?? ''), 2000);
    await write('CREATE (:Later {n: 2})');
    const result = await back();
    const record = await lifeboat.neo4jRecord(result.set);
    assert.deepEqual(
      [record.mode, record.fallbacks, record.facts?.neo4j?.labels.Later],
      ['online', undefined, 2],
    );
    const [anew, ...others] = await artifacts();
    assert.notEqual(anew, broken);
    assert.deepEqual([await kindOf(anew ?? ''), others], ['FULL', []]);
  });

  test('of a run that was cancelled, or whose worker died, is whole', async () => {
    const fault = { activity: 'takeOnlineBackup', how: 'stall' } as const;
    const { handle } = await lifeboat.startBroken(fault, 'backup', { services: [online] });
    await handle.cancel();
    await lifeboat.worker.kill('SIGKILL');
    await lifeboat.startWorker();
    assert.equal((await lifeboat.failureOf(handle)).type, 'Cancelled');
    assert.deepEqual(
      (await lifeboat.remains([online])).filter((name) => name !== `volume ${chainName(online)}`),
      [],
    );
    const record = await lifeboat.neo4jRecord((await back()).set);
    assert.deepEqual([record.mode, record.fallbacks], ['online', undefined]);
  });

  test('is removed by the watchdog when nobody wants it any more', async () => {
    await configure({});
    await lifeboat.look();
    assert.deepEqual(await lifeboat.remains([online]), []);
  });
});
