import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the testbed keeps what may be used again: programs, the Neo4j image, the private Docker engine's store.
 * `LIFEBOAT_CACHE`, else `lifeboat-testbed` in the user's cache directory. It is safe to delete while nothing runs.
 */
export function cacheDirectory(...parts: string[]): string {
  const root =
    process.env.LIFEBOAT_CACHE ||
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lifeboat-testbed');
  const directory = join(root, ...parts);
  mkdirSync(directory, { recursive: true });
  return directory;
}
