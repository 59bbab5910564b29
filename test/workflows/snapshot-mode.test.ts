// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import { runCommand } from '../testbed/command.ts';
import { canInstallPackages, ensurePackages } from '../testbed/debian.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';
import { dueWrites, startWriting } from '../testbed/writing-client.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const service = unique('graph');
const skip = (await canInstallPackages())
  ? false
  : 'A Btrfs of its own takes root on Debian, to mount it and to install btrfs-progs.';

/** A file with a Btrfs in it, mounted; Docker's data is a plain folder on it, so the snapshot is of the whole. */
async function mountBtrfs(folder: string): Promise<string> {
  await ensurePackages(['btrfs-progs'], () => {});
  const [image, path] = [join(folder, 'image'), join(folder, 'btrfs')];
  const file = await open(image, 'w');
  await file.truncate(2 * 1024 ** 3);
  await file.close();
  await runCommand('mkfs.btrfs', ['-q', image]);
  await mkdir(path);
  await runCommand('mount', ['-o', 'loop', image, path]);
  return path;
}

describe('a snapshot of the file system', { skip }, () => {
  let folder: string;
  let disk: string;
  let server: Neo4jServer;
  let lifeboat: Lifeboat;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-btrfs-'));
    disk = await mountBtrfs(folder);
    const data = join(disk, 'data');
    await mkdir(data, { mode: 0o777 });
    await runCommand('chown', ['7474:7474', data]);
    server = await useTestbed().startNeo4j({ data });
    lifeboat = await startLifeboat({
      services: { [service]: neo4jSection(server, { mode: 'snapshot', snapshot: { kind: 'btrfs' } }) },
    });
  });

  after(async () => {
    await lifeboat?.close();
    await server?.remove();
    if (disk) await runCommand('umount', [disk]);
    await rm(folder, { recursive: true, force: true });
  });

  const snapshots = async () => (await readdir(disk)).filter((name) => name.startsWith('.lifeboat-'));
  const state = async () => (await lifeboat.engine.getContainer(server.containerName).inspect()).State;

  test('keeps clients waiting for a moment, has every acknowledged write, and is gone afterwards', async () => {
    const { StartedAt } = await state();
    const driver = server.driver();
    const client = startWriting(driver);
    const result = await lifeboat.run<BackupResult>('backup');
    await client.stop();
    await driver.close();

    assert.deepEqual(client.failures, []);
    assert.equal((await state()).StartedAt, StartedAt, 'it was never stopped');
    const record = await lifeboat.neo4jRecord(result.set);
    assert.deepEqual([record.mode, record.fallbacks, record.offlineSeconds], ['snapshot', undefined, 0]);
    assert.ok((record.frozenSeconds ?? 0) > 0);
    const { surely, perhaps } = dueWrites(client, record.window ?? assert.fail('no window'));
    const written = record.facts?.neo4j?.labels.Written ?? 0;
    assert.ok(surely > 0 && surely <= written && written <= perhaps, `${surely} <= ${written} <= ${perhaps}`);
    assert.deepEqual(await snapshots(), []);
    assert.deepEqual(await lifeboat.remains([service]), []);

    const drill = await lifeboat.run<DrillResult>('drill', { set: result.set });
    assert.equal(drill.verdict, 'ok');
  });

  test('is left alone by the watchdog while the run still copies out of it', async () => {
    const fault = { activity: 'copySnapshot', how: 'stall' } as const;
    const { handle, goOn } = await lifeboat.startBroken(fault, 'backup');
    await lifeboat.run('watchdog');
    assert.equal((await snapshots()).length, 1);
    await goOn();
    const { set } = (await handle.result()) as BackupResult;
    await lifeboat.mend();
    const { mode, fallbacks } = await lifeboat.neo4jRecord(set);
    assert.deepEqual([mode, fallbacks], ['snapshot', undefined]);
    assert.deepEqual(await snapshots(), []);
    assert.deepEqual(await lifeboat.remains([service]), []);
  });

  test('of a run that was terminated is removed by the watchdog', async () => {
    const fault = { activity: 'takeStoreSnapshot', how: 'stall' } as const;
    const { handle } = await lifeboat.startBroken(fault, 'backup');
    assert.equal((await snapshots()).length, 1);
    assert.equal((await state()).Paused, false, 'it goes on before anybody hears of the snapshot');
    const section = lifeboat.client.workflow.getHandle(`offline/${lifeboat.taskQueue}/${service}`);
    await handle.terminate('a test');
    await section.terminate('a test').catch(() => {});
    await lifeboat.worker.kill('SIGKILL');
    await lifeboat.startWorker();
    const isTidy = async () => {
      await lifeboat.look();
      return (await lifeboat.remains([service])).length === 0;
    };
    await until('an engine that the watchdog has tidied', isTidy, { everyMs: 200, withinMs: 120_000 });
    assert.deepEqual(await snapshots(), []);
    await server.untilServing();
  });

  test('that can not be taken gives way to a freeze, and the set says so', async () => {
    const driver = server.driver();
    await driver.executeQuery('CREATE (:Later)');
    await driver.close();
    // A program of that name comes first, and fails as one does that may not.
    await lifeboat.worker.kill('SIGTERM');
    const programs = await mkdtemp(join(folder, 'programs-'));
    const file = await open(join(programs, 'btrfs'), 'w', 0o755);
    await file.writeFile('#!/bin/sh\necho "ERROR: not permitted" >&2\nexit 1\n');
    await file.close();
    await lifeboat.startWorker(undefined, { PATH: `${programs}:${process.env.PATH}` });
    const result = await lifeboat.run<BackupResult>('backup');
    assert.equal(result.state, 'complete');
    const record = await lifeboat.neo4jRecord(result.set);
    assert.equal(record.mode, 'freeze');
    assert.deepEqual(
      record.fallbacks?.map(({ mode, type }) => [mode, type]),
      [['snapshot', 'SnapshotFailed']],
    );
    assert.match(record.fallbacks?.[0]?.message ?? '', /not permitted/);
    assert.deepEqual(await lifeboat.remains([service]), []);
  });
});
