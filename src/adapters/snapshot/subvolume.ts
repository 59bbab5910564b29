import { stat, statfs } from 'node:fs/promises';
import { posix } from 'node:path';
import { LifeboatError } from '../../model/failures.ts';

/** What `statfs` calls Btrfs (linux/magic.h). */
const BTRFS = 0x9123683e;
/** The inode of a subvolume's own directory (linux/btrfs_tree.h: BTRFS_FIRST_FREE_OBJECTID). */
const ROOT_INODE = 256;

/**
 * The subvolume that a directory is in, and a directory on the same file system for its snapshots: beside it where that is possible,
 * so that none appears in what it is taken of.
 * @throws {LifeboatError} `Unsupported` when this process does not see the directory, or it is not on Btrfs.
 */
export async function subvolumeOf(directory: string): Promise<{ path: string; snapshots: string }> {
  let path = directory;
  while (!(await isSubvolume(path, directory))) {
    if (path === '/') throw notBtrfs(directory);
    path = posix.dirname(path);
  }
  const parent = posix.dirname(path);
  return { path, snapshots: (await sameFileSystem(path, parent)) ? parent : path };
}

async function isSubvolume(path: string, directory: string): Promise<boolean> {
  try {
    const { type } = await statfs(path);
    if (type !== BTRFS) throw notBtrfs(directory);
    return (await stat(path)).ino === ROOT_INODE;
  } catch (error) {
    if (error instanceof LifeboatError) throw error;
    throw notBtrfs(directory, error);
  }
}

/** Subvolumes have device numbers of their own, so a file system is known by its kind and size. */
async function sameFileSystem(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([statfs(one), statfs(other)]);
  return one !== other && a.type === b.type && a.blocks === b.blocks;
}

const notBtrfs = (directory: string, cause?: unknown): LifeboatError =>
  new LifeboatError(
    'Unsupported',
    `The data directory at ${directory} is not on Btrfs, or the worker does not see it: a snapshot needs a worker on the engine's own host, as root.`,
    cause === undefined ? {} : { cause },
  );
