import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PRELUDE } from '../../src/adapters/neo4j/swap.ts';

const run = promisify(execFile);

/** Carries `store` from one folder to another; answers what `mv` was asked for. */
async function carried(folder: string, to: string): Promise<string[]> {
  const programs = join(folder, 'programs');
  const log = join(folder, 'log');
  await mkdir(programs);
  await writeFile(log, '');
  const { stdout: mv } = await run('sh', ['-c', 'command -v mv']);
  await writeFile(join(programs, 'mv'), `#!/bin/sh\necho "$@" >> ${log}\nexec ${mv.trim()} "$@"\n`);
  await chmod(join(programs, 'mv'), 0o755);
  const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` };
  await mkdir(join(folder, 'from', 'store'), { recursive: true });
  await writeFile(join(folder, 'from', 'store', 'file'), 'content');
  const script = `${PRELUDE}\ncarry "$data/store" "$place/store"`;
  await run('sh', ['-c', script, 'sh', join(folder, 'from'), to], { env });
  assert.equal(await readFile(join(to, 'store', 'file'), 'utf8'), 'content');
  assert.deepEqual(await readdir(join(folder, 'from')), [], 'nothing is left at its source');
  assert.deepEqual(await readdir(to), ['store'], 'nor of the way');
  const asked = (await readFile(log, 'utf8')).trim().split('\n');
  return asked.filter((words) => !words.includes('.lifeboat-probe'));
}

async function scratch(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'lifeboat-swap-'));
}

test('a store is renamed where that is possible', async (t) => {
  const folder = await scratch();
  t.after(() => rm(folder, { recursive: true }));
  const to = join(folder, 'to');
  await mkdir(to);
  assert.deepEqual(await carried(folder, to), [`-T ${join(folder, 'from', 'store')} ${join(to, 'store')}`]);
});

test('between two mounts of one file system a store is never half under its name', {
  skip: process.getuid?.() !== 0 && 'only root may mount',
}, async (t) => {
  const folder = await scratch();
  const to = join(folder, 'to');
  await mkdir(to);
  await mkdir(join(folder, 'other'));
  await run('mount', ['--bind', join(folder, 'other'), to]);
  t.after(async () => {
    await run('umount', [to]);
    await rm(folder, { recursive: true });
  });
  assert.deepEqual(await carried(folder, to), [
    `-T ${join(to, 'store.part')} ${join(to, 'store')}`,
    `-T ${join(folder, 'from', 'store')} ${join(folder, 'from', 'store.gone')}`,
  ]);
});
