import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { snapshotCommands } from '../../src/adapters/snapshot/snapshot-commands.ts';
import {
  openSnapshot,
  removeSnapshot,
  requireSource,
  takeSnapshot,
} from '../../src/adapters/snapshot/store-snapshot.ts';
import type { SnapshotConfig } from '../../src/config/snapshot.ts';

const subject = { id: 'lifeboat-1-graph', source: '/srv/docker/volumes/data/_data' };

describe('the programs for a snapshot', () => {
  test('of Btrfs: beside the subvolume', () => {
    const commands = snapshotCommands({ kind: 'btrfs', timeoutSeconds: 30 }, subject, {
      path: '/srv/docker',
      snapshots: '/srv',
    });
    assert.deepEqual(commands.create, [
      ['btrfs', 'subvolume', 'snapshot', '-r', '/srv/docker', '/srv/.lifeboat-1-graph'],
    ]);
    assert.equal(commands.path, '/srv/.lifeboat-1-graph/volumes/data/_data');
  });

  test('of ZFS: in the hidden directory of the dataset', () => {
    const config = {
      kind: 'zfs',
      timeoutSeconds: 30,
      dataset: 'tank/docker',
      mountpoint: '/srv/docker',
    } as const;
    const commands = snapshotCommands(config, subject);
    assert.deepEqual(commands.create, [['zfs', 'snapshot', 'tank/docker@lifeboat-1-graph']]);
    assert.deepEqual(commands.remove, [['zfs', 'destroy', 'tank/docker@lifeboat-1-graph']]);
    assert.equal(commands.path, '/srv/docker/.zfs/snapshot/lifeboat-1-graph/volumes/data/_data');
    assert.throws(() => snapshotCommands({ ...config, mountpoint: '/data' }, subject), {
      type: 'InvalidConfiguration',
      message: /not below the snapshot's mountpoint \/data/,
    });
  });

  test('of LVM: a volume with room for what changes, mounted read-only', () => {
    const config = {
      kind: 'lvm',
      timeoutSeconds: 30,
      volume: 'vg0/docker',
      mountpoint: '/',
      bytes: 2 ** 30,
    } as const;
    const commands = snapshotCommands(config, subject);
    assert.deepEqual(commands.create, [
      ['lvcreate', '--snapshot', '--name', 'lifeboat-1-graph', '--size', '1024m', 'vg0/docker'],
    ]);
    assert.deepEqual(commands.open.at(-1)?.slice(0, 4), ['mount', '-o', 'ro', '/dev/vg0/lifeboat-1-graph']);
    assert.equal(commands.path, '/run/lifeboat/snapshots/lifeboat-1-graph/srv/docker/volumes/data/_data');
  });
});

describe('a snapshot by programs of the operator', () => {
  let folder: string;
  let source: string;
  let config: SnapshotConfig & { kind: 'commands' };
  const id = 'lifeboat-1-graph';
  const { signal } = new AbortController();
  const made: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-snapshot-'));
    made.push(folder);
    source = join(folder, 'data; touch hacked');
    await mkdir(source);
    await writeFile(join(source, 'store'), 'records');
    config = {
      kind: 'commands',
      timeoutSeconds: 5,
      create: [['cp', '-a', '{source}', `${folder}/{id}`]],
      open: [],
      remove: [['rm', '-rf', `${folder}/{id}`]],
      path: `${folder}/{id}`,
    };
  });
  after(() => Promise.all(made.map((one) => rm(one, { recursive: true }))));

  test('is taken, read and removed, and no shell reads the names', async () => {
    await requireSource(config, { id, source });
    await takeSnapshot(config, { id, source }, signal);
    const path = await openSnapshot(config, { id, source }, signal);
    assert.equal(await readFile(join(path, 'store'), 'utf8'), 'records');
    await removeSnapshot(config, { id, source });
    await removeSnapshot(config, { id, source });
    assert.deepEqual(await readdir(folder), ['data; touch hacked']);
  });

  test('takes the place of what a dead attempt left', async () => {
    await takeSnapshot(config, { id, source }, signal);
    await writeFile(join(source, 'store'), 'newer');
    await takeSnapshot(config, { id, source }, signal);
    assert.equal(await readFile(join(folder, id, 'store'), 'utf8'), 'newer');
  });

  test('that fails in its middle leaves nothing, and says which program failed and how', async () => {
    const failing = { ...config, create: [...config.create, ['sh', '-c', 'echo no room >&2; exit 5']] };
    await assert.rejects(takeSnapshot(failing, { id, source }, signal), {
      type: 'SnapshotFailed',
      message: /ended with 5: no room\. Try it by hand/,
    });
    await assert.rejects(access(join(folder, id)), { code: 'ENOENT' });
  });

  test('never keeps a database waiting for longer than its timeout', async () => {
    const hanging = { ...config, timeoutSeconds: 0.2, create: [['sleep', '600']] };
    await assert.rejects(takeSnapshot(hanging, { id, source }, signal), /took longer than 0.2 s/);
  });

  test('of a run that was cancelled already is not begun', async () => {
    const cancelled = AbortSignal.abort(new Error('cancelled'));
    const hanging = { ...config, create: [['sleep', '600']] };
    await assert.rejects(takeSnapshot(hanging, { id, source }, cancelled), /^Error: cancelled/);
  });

  test('that was not mounted is not taken for a store with nothing in it', async () => {
    const mount = join(folder, 'mount');
    await mkdir(mount);
    const unmounted = { ...config, path: mount, open: [['sh', '-c', 'echo wrong fs type >&2; exit 32']] };
    await assert.rejects(openSnapshot(unmounted, { id, source }, signal), {
      type: 'SnapshotFailed',
      message: /ended with 32: wrong fs type/,
    });
    await assert.rejects(openSnapshot({ ...unmounted, open: [] }, { id, source }, signal), {
      type: 'SnapshotFailed',
      message: /nothing is in it/,
    });
    await writeFile(join(mount, 'store'), 'records');
    assert.equal(await openSnapshot(unmounted, { id, source }, signal), mount, 'it was mounted before');
  });

  test('by a program that is not there, and one that can not be removed, are told', async () => {
    const missing = { ...config, create: [['no-such-program', '{id}']] };
    await assert.rejects(takeSnapshot(missing, { id, source }, signal), /could not be run/);
    await takeSnapshot(config, { id, source }, signal);
    await assert.rejects(removeSnapshot({ ...config, remove: [['false']] }, { id, source }), {
      type: 'SnapshotFailed',
      message: /takes up room until it is/,
    });
  });
});

test('a snapshot of Btrfs of a directory that is not on it is refused before anything is stopped', async () => {
  await assert.rejects(
    requireSource({ kind: 'btrfs', timeoutSeconds: 5 }, { id: 'x', source: '/proc/self' }),
    { type: 'Unsupported', message: /is not on Btrfs/ },
  );
});
