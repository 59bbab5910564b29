import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { PRELUDE, SCRIPTS } from '../../src/adapters/neo4j/swap.ts';

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

/** A data directory with places of restores in it, and the steps on them. */
async function stores(t: { after(call: () => Promise<void>): void }) {
  const folder = await scratch();
  t.after(async () => await rm(folder, { recursive: true }));
  const put = async (path: string, content: string) => {
    await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, path, 'store'), content);
  };
  const database = async (where: string, content: string) => {
    for (const kind of ['databases', 'transactions']) await put(join(where, kind, 'graph'), content);
  };
  return {
    database,
    place: (name: string) => join(folder, '.lifeboat', name),
    holds: async (where: string) =>
      await readFile(join(folder, where, 'databases', 'graph', 'store'), 'utf8').catch(() => undefined),
    step: async (name: keyof typeof SCRIPTS, place: string, ...words: string[]) => {
      const { stdout } = await run('sh', [
        '-c',
        SCRIPTS[name],
        'sh',
        folder,
        join(folder, '.lifeboat', place),
        ...words,
      ]);
      return stdout.trim();
    },
  };
}

test('a swap whose new store somebody has taken away is refused before anything is moved', async (t) => {
  const { database, step, holds } = await stores(t);
  await database('.', 'old');
  await step('record', 'r1', '{}');
  await assert.rejects(step('swap', 'r1', 'graph'), /there is no new store of graph/);
  assert.equal(await holds('.'), 'old');
  assert.equal(await step('ask', 'r1'), '', 'no swap is under way');
});

test('a database that is to go goes, and comes back', async (t) => {
  const { database, step, holds } = await stores(t);
  await database('.', 'old');
  await step('record', 'r1', '{}', 'graph');
  await step('swap', 'r1', 'graph');
  assert.equal(await holds('.'), undefined);
  await step('roll back', 'r1', 'graph');
  assert.equal(await holds('.'), 'old');
});

test('an undo takes away again what the restore had made, and can itself be undone', async (t) => {
  const { database, step, holds, place } = await stores(t);
  await step('record', 'r1', '{}');
  await database('.lifeboat/r1/new', 'restored');
  await step('swap', 'r1', 'graph');
  await step('accept', 'r1');
  assert.equal(await holds('.'), 'restored');

  await step('record', 'r2', '{}');
  await step('adopt', 'r2', place('r1'), 'graph');
  await step('swap', 'r2', 'graph');
  await step('accept', 'r2');
  await step('forget', 'r1');
  assert.equal(await holds('.'), undefined);

  await step('record', 'r3', '{}');
  await step('adopt', 'r3', place('r2'), 'graph');
  await step('swap', 'r3', 'graph');
  await step('accept', 'r3');
  assert.equal(await holds('.'), 'restored');
});

test('of two undos at the same time one is refused, and what was kept is there in the end', async (t) => {
  const { database, step, holds, place } = await stores(t);
  await database('.', 'served');
  await step('record', 'r1', '{"set":"one"}');
  await database('.lifeboat/r1/old', 'kept');
  // The first takes it, and waits for its window; the second takes it from the first, and finds the service busy.
  await step('record', 'a', '{"set":"one"}');
  await step('adopt', 'a', place('r1'), 'graph');
  await step('record', 'b', '{"set":"one"}');
  await step('adopt', 'b', place('a'), 'graph');
  await assert.rejects(step('swap', 'a', 'graph'), /there is no new store of graph/);
  await step('return', 'a', place('r1'), 'graph');
  await step('return', 'b', place('a'), 'graph');
  assert.equal(await holds('.'), 'served');
  assert.match(await step('list', ''), /^lifeboat:kept a \d+ {"set":"one"}$/m);
  assert.equal(await holds('.lifeboat/a/old'), 'kept');
});

test('what was taken never goes over something else that is kept', async (t) => {
  const { database, step, holds, place } = await stores(t);
  await database('.', 'served');
  await database('.lifeboat/a/new', 'kept');
  await step('record', 'b', '{}');
  await step('adopt', 'b', place('a'), 'graph');
  await database('.lifeboat/a/old', 'another');
  await step('return', 'b', place('a'), 'graph');
  assert.deepEqual([await holds('.lifeboat/a/old'), await holds('.lifeboat/b/new')], ['another', 'kept']);
});
