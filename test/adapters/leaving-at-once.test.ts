// needs: nothing
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { leavingAtOnce } from '../../src/activities/replication.ts';
import { commitManifest } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';

const folder = await mkdtemp(join(tmpdir(), 'lifeboat-leaving-'));
after(() => rm(folder, { recursive: true }));

const setOf = (day: number): string => `202611${day}T030000Z-aaaaaa`;

async function repository(name: string, days: number[]): Promise<DirectoryRepository> {
  const path = join(folder, name);
  await mkdir(path);
  const made = new DirectoryRepository({ kind: 'directory', name, path });
  for (const day of days) {
    await commitManifest(made, sampleManifest(setOf(day), new Date(`2026-11-${day}T03:00:00Z`)));
  }
  return made;
}

test('a set that the target’s retention has let go is not copied there again, and one that it would keep is', async () => {
  const source = await repository('source', [10, 11, 12, 13]);
  const target = await repository('target', [12]);
  const missing = new Set([10, 11, 13].map(setOf));
  const about = { missing, signal: new AbortController().signal };
  const keep = (keepLast: number) => ({ timezone: 'UTC', minimum: 1, keepLast });
  const leaving = async (keepLast: number) =>
    [...(await leavingAtOnce(source, target, { ...about, policy: keep(keepLast) }))].sort();
  assert.deepEqual(await leaving(2), [setOf(10), setOf(11)]);
  assert.deepEqual(await leaving(3), [setOf(10)]);
  assert.deepEqual(await leaving(4), []);
});
