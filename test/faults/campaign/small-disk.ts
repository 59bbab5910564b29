import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../testbed/command.ts';

/** A file system of its own that is small enough to be filled. */
export interface SmallDisk {
  path: string;
  /** Take all the room that is left. */
  fill(): Promise<void>;
  /** Give it back. */
  release(): Promise<void>;
}

/** Mount one of `megabytes` in memory; the testbed unmounts it with its directory. Needs root. */
export async function mountSmallDisk(path: string, megabytes: number): Promise<SmallDisk> {
  await mkdir(path, { recursive: true });
  await runCommand('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${megabytes}m,mode=0700`,
    'lifeboat-small-disk',
    path,
  ]);
  const ballast = join(path, '.ballast');
  return {
    path,
    async fill() {
      const file = await open(ballast, 'w');
      const piece = Buffer.alloc(64 * 1024);
      try {
        while (true) await file.write(piece);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        await file.close();
      }
    },
    release: () => rm(ballast, { force: true }),
  };
}
