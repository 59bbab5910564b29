import { posix } from 'node:path';
import type { SnapshotConfig } from '../../config/snapshot.ts';
import { LifeboatError } from '../../model/failures.ts';

/** What one snapshot takes: programs with their arguments, and where it can be read then. */
export interface SnapshotCommands {
  /** Run within the window. */
  create: string[][];
  /** Run after it, before it is read. */
  open: string[][];
  /** Each is run, whether the ones before it went well or not. */
  remove: string[][];
  /** Ends with 0 while there is one; without it, `path` is looked at. */
  exists?: string[];
  /** The directory `source` as it was, on the host of the engine. */
  path: string;
}

/** Which snapshot: `id` is its name, `source` the directory on the host that is to be in it. */
export interface SnapshotSubject {
  id: string;
  source: string;
}

/** Where the snapshots of LVM are mounted. */
const LVM_MOUNTS = '/run/lifeboat/snapshots';

/**
 * The programs for one snapshot. There is no shell, and all that varies is the snapshot's name and the directory, which are made by Lifeboat
 * and the engine.
 * @param subvolume of Btrfs: the one that `source` is in, and where its snapshots can be.
 * @throws {LifeboatError} `InvalidConfiguration` when `source` is not below the configured mount point.
 */
export function snapshotCommands(
  config: SnapshotConfig,
  { id, source }: SnapshotSubject,
  subvolume: { path: string; snapshots: string } = { path: source, snapshots: posix.dirname(source) },
): SnapshotCommands {
  switch (config.kind) {
    case 'btrfs': {
      const snapshot = posix.join(subvolume.snapshots, `.${id}`);
      return {
        create: [['btrfs', 'subvolume', 'snapshot', '-r', subvolume.path, snapshot]],
        open: [],
        remove: [['btrfs', 'subvolume', 'delete', '--commit-after', snapshot]],
        exists: ['btrfs', 'subvolume', 'show', snapshot],
        path: posix.join(snapshot, posix.relative(subvolume.path, source)),
      };
    }
    case 'zfs': {
      const name = `${config.dataset}@${id}`;
      return {
        create: [['zfs', 'snapshot', name]],
        open: [],
        remove: [['zfs', 'destroy', name]],
        exists: ['zfs', 'list', '-H', '-t', 'snapshot', name],
        path: posix.join(config.mountpoint, '.zfs/snapshot', id, within(config.mountpoint, source)),
      };
    }
    case 'lvm': {
      const [group = ''] = config.volume.split('/');
      const mount = posix.join(LVM_MOUNTS, id);
      const size = `${Math.ceil(config.bytes / 1024 / 1024)}m`;
      return {
        create: [['lvcreate', '--snapshot', '--name', id, '--size', size, config.volume]],
        open: [
          ['mkdir', '-p', mount],
          ['mount', '-o', 'ro', `/dev/${group}/${id}`, mount],
        ],
        remove: [
          ['umount', mount],
          ['rmdir', mount],
          ['lvremove', '--yes', `${group}/${id}`],
        ],
        exists: ['lvs', `${group}/${id}`],
        path: posix.join(mount, within(config.mountpoint, source)),
      };
    }
    case 'commands': {
      const fill = (text: string) => text.replaceAll('{id}', id).replaceAll('{source}', source);
      const all = (commands: string[][]) => commands.map((command) => command.map(fill));
      return {
        create: all(config.create),
        open: all(config.open),
        remove: all(config.remove),
        ...(config.exists ? { exists: config.exists.map(fill) } : {}),
        path: fill(config.path),
      };
    }
  }
}

function within(mountpoint: string, source: string): string {
  const relative = posix.relative(mountpoint, source);
  if (relative.startsWith('..')) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `The data directory is at ${source}, which is not below the snapshot's mountpoint ${mountpoint}: name the file system that it is on.`,
    );
  }
  return relative;
}
