// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import type { VerifyResult } from '../../src/workflows/verify.ts';
import { loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until, watched } from '../testbed/until.ts';
import { dueWrites, startWriting } from '../testbed/writing-client.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

/** One server, as two services: each is backed up in another mode, and found in another way. */
const [frozen, chosen] = [unique('frozen'), unique('chosen')];
let server: Neo4jServer;
let lifeboat: Lifeboat;

before(async () => {
  const testbed = useTestbed();
  const compose = { project: unique('project'), service: 'neo4j' };
  server = await testbed.startNeo4j({
    // So that there are logs from before the last checkpoint.
    environment: { NEO4J_db_tx__log_rotation_size: '128k' },
    labels: {
      'com.docker.compose.project': compose.project,
      'com.docker.compose.service': compose.service,
    },
  });
  lifeboat = await startLifeboat({
    services: {
      [frozen]: neo4jSection(server, { mode: 'freeze' }),
      [chosen]: neo4jSection(server, { mode: 'auto', container: undefined, compose }),
    },
  });
  const driver = server.driver();
  await loadGraph(driver, 500);
  await driver.close();
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
});

/** A set that was taken by mode `dump`. */
let dumped: string;

async function filesInDump(set: string): Promise<number> {
  const found = (await lifeboat.sets()).find((one) => one.set === set);
  assert.ok(found && 'manifest' in found);
  const artifact = found.manifest.artifacts.find(({ name }) => name === 'neo4j');
  return artifact?.archive?.files ?? assert.fail(`nothing is known of the dump in ${set}`);
}

const startedAt = async () =>
  (await lifeboat.engine.getContainer(server.containerName).inspect()).State.StartedAt;

/** Looks which helpers of the frozen service are at work; answers the one of a step. */
async function helpersAtWork() {
  const filters = JSON.stringify({ label: [`lifeboat.service=${frozen}`, 'lifeboat.role=helper'] });
  const helpers = await lifeboat.engine.listContainers({ filters });
  return (step: string) => helpers.find(({ Names }) => Names[0]?.startsWith(`/lifeboat-${step}-`));
}

/** Notes the CPU shares of the helpers of these steps that are at work now. */
async function noteShares(steps: string[], shares: Map<string, number>): Promise<void> {
  const at = await helpersAtWork();
  for (const step of steps) {
    const helper = at(step);
    if (!helper) continue;
    const container = lifeboat.engine.getContainer(helper.Id);
    const info = await container.inspect().catch(() => undefined);
    if (info) shares.set(step, info.HostConfig.CpuShares || 1024);
  }
}

test('freezing sends no client away, and every acknowledged write is in the copy', async () => {
  const began = await startedAt();
  const driver = server.driver();
  const client = startWriting(driver);
  const checks = new Set<string>();
  const shares = new Map<string, number>();
  const dumpedAlone = new Set<string>();
  const result = await watched(lifeboat.run<BackupResult>('backup', { services: [frozen] }), async () => {
    const at = await helpersAtWork();
    const beside = at('check-beside-neo4j');
    for (const database of ['neo4j', 'system']) if (at(`dump-${database}`)) dumpedAlone.add(database);
    await noteShares(['dump-together', 'check-beside-neo4j'], shares);
    if (beside && at('dump-together')) {
      checks.add('neo4j beside its dump');
      // One that ends badly is no verdict: the copy is checked once more, on its own.
      await lifeboat.engine
        .getContainer(beside.Id)
        .kill()
        .catch(() => {});
    }
    for (const database of ['neo4j', 'system']) if (at(`check-${database}`)) checks.add(`${database} alone`);
  });
  assert.deepEqual([...checks], ['neo4j beside its dump', 'neo4j alone']);
  assert.deepEqual([...dumpedAlone], [], 'one command dumped both');
  const checkShares = shares.get('check-beside-neo4j') ?? assert.fail('no check was seen');
  assert.equal(shares.get('dump-together'), 1024, 'what the set waits for has as much CPU as the database');
  assert.ok(checkShares < 1024);
  await client.stop();
  await driver.close();

  assert.deepEqual(client.failures, []);
  assert.equal(await startedAt(), began, 'it was never stopped');
  assert.equal(result.offlineSeconds[frozen], 0);
  assert.ok((result.frozenSeconds?.[frozen] ?? 0) > 0);

  const record = await lifeboat.neo4jRecord(result.set);
  assert.equal(record.mode, 'freeze');
  assert.equal(record.fallbacks, undefined);
  const { surely, perhaps } = dueWrites(client, record.window ?? assert.fail('no window'));
  const written = record.facts?.neo4j?.labels.Written ?? 0;
  assert.ok(surely > 0 && surely <= written && written <= perhaps, `${surely} <= ${written} <= ${perhaps}`);
  assert.ok(client.acknowledged.length > perhaps, 'it went on writing afterwards');
  assert.deepEqual(await lifeboat.remains([frozen]), []);

  const drill = await lifeboat.run<DrillResult>('drill', { set: result.set });
  assert.equal(drill.verdict, 'ok', 'what was dumped is exactly what the sandbox had recovered');
});

/** The folder on this machine in which the copies of databases are. */
async function copiesOf(service: string): Promise<string> {
  const filters = { label: [`lifeboat.service=${service}`, 'lifeboat.role=staging'] };
  const { Volumes } = await lifeboat.engine.listVolumes({ filters });
  return `${Volumes[0]?.Mountpoint}/copy/databases`;
}

const copiesLeft = async (service: string): Promise<string[]> => await readdir(await copiesOf(service));

/** What another program that has the copy of a database open would do. */
async function lockCopy(service: string, database: string): Promise<ChildProcess> {
  const file = `${await copiesOf(service)}/${database}/database_lock`;
  const lock =
    'import fcntl, sys; file = open(sys.argv[1], "r+"); fcntl.lockf(file, fcntl.LOCK_EX); print("locked", flush=True); sys.stdin.read()';
  const program = spawn('python3', ['-c', lock, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [word] = await Promise.race([once(program.stdout, 'data'), once(program, 'exit')]);
  assert.equal(String(word).trim(), 'locked');
  return program;
}

test('dumps that are refused while their copies are checked are made again one by one, then alone, and the set stays in its mode', async () => {
  const dumps = new Set<string>();
  const shares = new Map<string, number>();
  let locked: ChildProcess | undefined;
  let besideLast = false;
  let checkedAlone = false;
  const result = await watched(lifeboat.run<BackupResult>('backup', { services: [frozen] }), async () => {
    const at = await helpersAtWork();
    const dump = at('dump-together') ?? at('dump-neo4j');
    if (dump) dumps.add(dump.Id);
    if (dump && !locked) locked = await lockCopy(frozen, 'neo4j');
    else if (locked && (dumps.size > 2 || (dumps.size === 2 && !dump))) locked.kill();
    besideLast ||= dumps.size > 2 && at('check-beside-neo4j') !== undefined;
    checkedAlone ||= at('check-neo4j') !== undefined;
    await noteShares(['dump-neo4j', 'dump-system', 'check-beside-neo4j'], shares);
  });
  locked?.kill();
  assert.equal(dumps.size, 3, 'the one of both, and the first of it alone, were refused');
  assert.equal(besideLast, false);
  assert.equal(checkedAlone, true);
  const sharesOf = (step: string) => shares.get(step) ?? assert.fail(`no ${step} was seen`);
  assert.equal(sharesOf('dump-neo4j'), 1024);
  assert.ok(sharesOf('dump-neo4j') > sharesOf('dump-system'));
  assert.ok(sharesOf('dump-system') > sharesOf('check-beside-neo4j'));
  const record = await lifeboat.neo4jRecord(result.set);
  assert.deepEqual([record.mode, record.fallbacks], ['freeze', undefined]);
  assert.deepEqual(await lifeboat.remains([frozen]), []);
});

test('a check that nobody heard of is not made again, since it has let the copy go', async () => {
  await lifeboat.worker.kill('SIGTERM');
  const marker = join(lifeboat.directory, 'unheard');
  await lifeboat.startWorker({ activity: 'checkCopy', how: 'stall', marker });
  const underWay = lifeboat.run<BackupResult>('backup', { services: [frozen] });
  await until('a check is done', () => existsSync(marker));
  await until('the largest copy is removed', async () => {
    const left = await copiesLeft(frozen);
    return left.includes('system') && !left.includes('neo4j');
  });
  await lifeboat.worker.kill('SIGKILL');
  await lifeboat.startWorker();
  const record = await lifeboat.neo4jRecord((await underWay).set);
  assert.deepEqual([record.mode, record.fallbacks], ['freeze', undefined]);
  assert.deepEqual(await lifeboat.remains([frozen]), []);
});

test('a copy whose check fails is given up for the next safer mode, and the set says so', async () => {
  const fault = { activity: 'checkCopy', how: 'fail' } as const;
  const { handle } = await lifeboat.startBroken(fault, 'backup', { services: [frozen] });
  const result = (await handle.result()) as BackupResult;
  assert.equal(result.state, 'complete');
  const record = await lifeboat.neo4jRecord(result.set);
  assert.equal(record.mode, 'dump');
  assert.deepEqual(
    record.fallbacks?.map(({ mode, type }) => [mode, type]),
    [
      ['freeze', 'HelperFailed'],
      ['copy', 'HelperFailed'],
    ],
  );
  await server.untilServing();
  assert.deepEqual(await lifeboat.remains([frozen]), []);
  await lifeboat.mend();
  dumped = result.set;
  // The dumps of the copies had been stored by then, and must not be taken for those of the set.
  const verified = await lifeboat.run<VerifyResult>('verify', { set: result.set });
  assert.equal(verified.verdict, 'ok');
});

test('modes that fail before a window was opened cost a set nothing of its consistency', async () => {
  await lifeboat.worker.kill('SIGTERM');
  const marker = join(lifeboat.directory, 'stand-by');
  await lifeboat.startWorker({ activity: 'standByToCopy', how: 'fail', marker });
  const result = await lifeboat.run<BackupResult>('backup', { services: [frozen], consistent: true });
  const record = await lifeboat.neo4jRecord(result.set);
  assert.deepEqual([record.mode, record.fallbacks?.map(({ mode }) => mode)], ['dump', ['freeze', 'copy']]);
  const found = (await lifeboat.sets()).find((one) => one.set === result.set);
  assert.ok(found && 'manifest' in found);
  assert.equal(found.manifest.consistent, true);
  assert.deepEqual(await lifeboat.remains([frozen]), []);
  await lifeboat.worker.kill('SIGTERM');
  await lifeboat.startWorker();
});

test('a copy that does not start in its sandbox is given up for a safer mode', async () => {
  const events = (await lifeboat.engine.getEvents({
    filters: JSON.stringify({
      event: ['start'],
      label: [`lifeboat.service=${frozen}`, 'lifeboat.role=sandbox'],
    }),
  })) as Readable;
  events.on('data', async (line: Buffer) => {
    const { id } = JSON.parse(line.toString()) as { id: string };
    // Long before it could answer, and when it is already waited for.
    await sleep(1000);
    await lifeboat.engine
      .getContainer(id)
      .kill()
      .catch(() => {});
  });
  const result = await lifeboat.run<BackupResult>('backup', { services: [frozen] });
  events.destroy();
  const record = await lifeboat.neo4jRecord(result.set);
  assert.equal(record.mode, 'copy');
  assert.deepEqual(
    record.fallbacks?.map(({ mode, type }) => [mode, type]),
    [['freeze', 'CopyFailed']],
  );
  assert.match(record.fallbacks?.[0]?.message ?? '', /ended in the sandbox/);
  await server.untilServing();
  assert.deepEqual(await lifeboat.remains([frozen]), []);
});

test('auto dumps a copy, and freezes once a drill has proven that a sandbox works', async () => {
  const began = await startedAt();
  const first = await lifeboat.run<BackupResult>('backup', { services: [chosen] });
  const { mode, phases, offlineSeconds } = await lifeboat.neo4jRecord(first.set);
  assert.equal(mode, 'copy');
  const { stop, work, start } = phases ?? assert.fail('nobody says what the window went into');
  assert.ok(stop > 0 && work > 0 && start > 0, `stop ${stop}, work ${work}, start ${start}`);
  assert.ok(Math.abs(stop + work + start - offlineSeconds) < 0.01, 'together they are the window');
  assert.notEqual(await startedAt(), began, 'it was stopped for the copy');
  assert.ok((first.offlineSeconds[chosen] ?? 0) > 0);
  assert.deepEqual(await lifeboat.remains([chosen]), []);
  const [whole, lean] = [await filesInDump(dumped), await filesInDump(first.set)];
  assert.ok(lean < whole, `${lean} files, of ${whole} with the logs that nobody reads any more`);

  const drill = await lifeboat.run<DrillResult>('drill', { set: first.set });
  assert.equal(drill.verdict, 'ok');
  const second = await lifeboat.run<BackupResult>('backup', { services: [chosen] });
  assert.equal((await lifeboat.neo4jRecord(second.set)).mode, 'freeze');
});
