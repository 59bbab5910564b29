import { createHash } from 'node:crypto';
import { readSets } from '../../../src/adapters/repository/catalog.ts';
import type { Repository } from '../../../src/adapters/repository/repository.ts';
import type { Scene } from './scene.ts';

/** The newest complete set of each repository, by its name. */
export async function lastGood({ repositories }: Scene): Promise<Map<string, string>> {
  const good = new Map<string, string>();
  for (const repository of repositories) {
    const sets = await readSets(repository);
    const newest = sets.find((one) => 'manifest' in one && one.manifest.state === 'complete');
    if (newest) good.set(repository.name, newest.set);
  }
  return good;
}

/** Every set that a catalog lists is whole: every artifact is there, with the checksum of its manifest. */
export async function damagedSets({ repositories }: Scene): Promise<string[]> {
  const problems: string[] = [];
  for (const repository of repositories) {
    for (const one of await readSets(repository)) {
      if ('problem' in one) {
        problems.push(`the manifest of ${one.set} in ${repository.name}: ${one.problem.message}`);
        continue;
      }
      for (const { path, stored } of one.manifest.artifacts) {
        const found = await digestOf(repository, path).catch((error: Error) => error.message);
        if (found !== stored.sha256) problems.push(`${path} in ${repository.name} is damaged: ${found}`);
      }
    }
  }
  return problems;
}

/** Sets that were the last good ones before, and are gone. */
export async function lostSets(scene: Scene, before: Map<string, string>): Promise<string[]> {
  const lost: string[] = [];
  for (const repository of scene.repositories) {
    const set = before.get(repository.name);
    const sets = await readSets(repository);
    if (set && !sets.some((one) => one.set === set && 'manifest' in one))
      lost.push(`the last good set ${set} is gone from ${repository.name}`);
  }
  return lost;
}

async function digestOf(repository: Repository, key: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of await repository.get(key)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
