import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryKey } from '../../model/manifest.ts';
import { hasCode } from './file-failure.ts';

/** The name of a file that a `put` has not finished. Keys never begin with a dot, so it is never taken for an object. */
export const PARTIAL = /^\.lifeboat-[0-9a-f-]{36}\.partial$/;

/** How many keys are handed out together. */
const PAGE = 256;

/** The folders above a key, outermost first: `a/b/c` has `a` and `a/b`. */
function foldersOf(key: string): string[] {
  const words = key.split('/').slice(0, -1);
  return words.map((_, index) => words.slice(0, index + 1).join('/'));
}

/** Fails with `ELOOP` when a folder above the key is a symbolic link, which could lead out of the repository. */
export async function requireRealFolders(root: string, key: string): Promise<void> {
  for (const folder of foldersOf(key)) await requireReal(join(root, folder));
}

/**
 * Opens a key's file for reading. Without waiting: a named pipe that lies where a file belongs would keep its reader, and a thread of this
 * process, for ever.
 * @throws `ENOENT`, `ELOOP` behind a symbolic link, `ENOTDIR` for what is no file
 */
export async function openRealFile(root: string, key: string): Promise<FileHandle> {
  await requireRealFolders(root, key);
  const path = join(root, key);
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw Object.assign(new Error(`${path} is no file`), { code: 'ENOTDIR' });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Makes the folders above a key, each one durable before the next. */
export async function makeFolders(root: string, key: string): Promise<void> {
  let parent = root;
  for (const folder of foldersOf(key)) {
    const path = join(root, folder);
    try {
      await mkdir(path, 0o750);
      await syncFolder(parent);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      // Removed again by a pruner in the meantime: the caller starts anew.
      await requireReal(path);
    }
    parent = path;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems do not let a folder be synced; they order names by themselves.
    if (!hasCode(error, 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Keys of the files below a prefix, in the byte order of whole keys as object stores list them, in pages.
 * Symbolic links and everything whose name begins with a dot are left out, unless `wanted` says otherwise.
 */
export async function* entriesBelow(
  root: string,
  prefix: string,
  after: string,
  wanted: (entry: Dirent) => boolean = (entry) => entry.isFile() && !entry.name.startsWith('.'),
): AsyncGenerator<string[]> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  // A folder that no key can have, such as "..", has none of ours, wherever it leads.
  if (folder !== '' && !repositoryKey.safeParse(folder.slice(0, -1)).success) return;
  if (!(await isRealFolder(root, folder))) return;
  let page: string[] = [];
  for await (const key of walk(root, folder, prefix, after, wanted)) {
    page.push(key);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** Whether a listing may begin in this folder, instead of looking through the thousands that stand beside it. */
async function isRealFolder(root: string, folder: string): Promise<boolean> {
  try {
    await requireRealFolders(root, folder);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP', 'ENOTDIR')) return false;
    throw error;
  }
}

async function* walk(
  root: string,
  folder: string,
  prefix: string,
  after: string,
  wanted: (entry: Dirent) => boolean,
): AsyncGenerator<string> {
  const found = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const names = found
    .filter((entry) => wanted(entry) || (entry.isDirectory() && !entry.name.startsWith('.')))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .sort(byBytes);
  for (const name of names) {
    if (name.endsWith('/')) {
      const canHold = name.startsWith(prefix) || prefix.startsWith(name);
      const allSkipped = name < after && !after.startsWith(name);
      if (canHold && !allSkipped) yield* walk(root, name, prefix, after, wanted);
    } else if (name.startsWith(prefix) && name > after) {
      yield name;
    }
  }
}

// Keys are ASCII, so comparing code units is comparing bytes. The sign of a difference, not the locale's order.
const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function requireReal(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) {
    throw Object.assign(new Error(`${path} is a symbolic link`), { code: 'ELOOP' });
  }
  if (!found.isDirectory()) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
}
