import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { COPY_SCRIPT } from '../../src/adapters/neo4j/store-copy-script.ts';

const BLOCK = 1 << 18;
const WANTED = 'neo4j';
const TREES = ['databases/neo4j', 'databases/system', 'transactions/neo4j', 'transactions/none'];

const directory = await mkdtemp(join(tmpdir(), 'lifeboat-copy-'));
after(async () => await rm(directory, { recursive: true, force: true }));

for (const early of [true, false]) {
  test(`a copy ${early ? 'begun while files change' : 'in one pass'} is what the files are in the end`, async () => {
    const root = join(directory, `${early}`);
    const [data, copy, go] = [join(root, 'data'), join(root, 'copy'), join(root, 'go')];
    await mkdir(copy, { recursive: true });
    const store = await makeStore(data);
    const helper = spawn('sh', [
      '-c',
      COPY_SCRIPT,
      'sh',
      data,
      copy,
      go,
      early ? '1' : '0',
      'all',
      WANTED,
      ...TREES,
    ]);
    const ended = once(helper, 'close');
    let said = '';
    helper.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    while (!said.includes('lifeboat:ready')) await once(helper.stdout, 'data');
    await change(store);
    await writeFile(go, '');
    const [code] = await ended;
    assert.equal(code, 0, said);
    assert.match(said, /^lifeboat:copied \d+ \d+ \d+\n$/m);
    assert.equal(earlyPasses(said).length, early ? 1 : 0, said);
    assert.deepEqual(await filesBelow(copy), await filesBelow(data));
    const holey = await stat(join(copy, 'databases/neo4j/holes'));
    assert.ok(holey.blocks * 512 < 1 << 20, `${holey.blocks} blocks are kept of a file of holes`);
  });
}

test('early passes go on while they still copy much, and the last one reads only what changed since', async (t) => {
  const root = join(directory, 'large');
  const [data, copy, go] = [join(root, 'data'), join(root, 'copy'), join(root, 'go')];
  await mkdir(copy, { recursive: true });
  // More than what a pass may copy for the next to be the last.
  await put(join(data, 'databases/neo4j/store'), randomBytes(65 << 20));
  // The time of a change is known in seconds: what is older than two of them was not touched since.
  await sleep(4000);
  const { env, synced } = await oneCoreWithSync(root);
  const helper = spawn('sh', ['-c', COPY_SCRIPT, 'sh', data, copy, go, '1', 'all', WANTED, ...TREES], {
    env,
  });
  // Its passes wait for this without end.
  t.after(async () => await writeFile(go, ''));
  const ended = once(helper, 'close');
  let said = '';
  helper.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  while (!said.includes('lifeboat:ready')) await once(helper.stdout, 'data');
  const whatWaited = `-d ${join(copy, 'databases/neo4j/store')}\n`;
  assert.equal(
    await synced(),
    whatWaited,
    'what was copied does not wait for the disk when the window opens',
  );
  await put(join(data, 'databases/neo4j/small'), randomBytes(1000));
  await writeFile(go, '');
  const [code] = await ended;
  assert.equal(code, 0, said);
  assert.equal(await synced(), whatWaited, 'and nobody waits for the disk within it');
  assert.deepEqual(
    earlyPasses(said).map(({ written }) => written),
    [65 << 20, 0],
    said,
  );
  assert.match(said, /^lifeboat:copied \d+ 1000 1000\n$/m);
  assert.deepEqual(await filesBelow(copy), await filesBelow(data));
});

test('what changed is copied also where the clock that dates it is behind', async () => {
  const root = join(directory, 'clock');
  const [data, copy, go] = [join(root, 'data'), join(root, 'copy'), join(root, 'go')];
  await mkdir(copy, { recursive: true });
  const file = join(data, 'databases/neo4j/store');
  await put(file, randomBytes(BLOCK));
  // The helper lives an hour ahead of the file system.
  await put(
    join(root, 'Ahead.pm'),
    Buffer.from('package Ahead; BEGIN { *CORE::GLOBAL::time = sub { CORE::time() + 3600 } } 1;'),
  );
  const env = { ...process.env, PERL5OPT: `-I${root} -MAhead` };
  const helper = spawn('sh', ['-c', COPY_SCRIPT, 'sh', data, copy, go, '1', 'all', WANTED, ...TREES], {
    env,
  });
  const ended = once(helper, 'close');
  while (!(await once(helper.stdout, 'data')).toString().includes('lifeboat:ready'));
  await sleep(1100);
  await put(file, randomBytes(BLOCK));
  await writeFile(go, '');
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(await filesBelow(copy), await filesBelow(data));
});

test('of logs that a clean stop has made needless, only the newest two are copied', async () => {
  const root = join(directory, 'logs');
  const [data, copy, go] = [join(root, 'data'), join(root, 'copy'), join(root, 'go')];
  await mkdir(copy, { recursive: true });
  const logs = join(data, 'transactions/neo4j');
  for (const name of [
    'checkpoint.0',
    ...[8, 9, 10, 11].map((number) => `neostore.transaction.db.${number}`),
  ]) {
    await put(join(logs, name), randomBytes(100));
  }
  await put(join(data, 'databases/neo4j/store'), randomBytes(100));
  const helper = spawn('sh', ['-c', COPY_SCRIPT, 'sh', data, copy, go, '1', 'newest', WANTED, ...TREES]);
  const ended = once(helper, 'close');
  while (!(await once(helper.stdout, 'data')).toString().includes('lifeboat:ready'));
  // One that was the newest but one before is not there any more when the window is.
  await put(join(logs, 'neostore.transaction.db.12'), randomBytes(100));
  await writeFile(go, '');
  assert.deepEqual(await ended, [0, null]);
  const copied = await readdir(join(copy, 'transactions/neo4j'));
  assert.deepEqual(copied.sort(), [
    'checkpoint.0',
    'neostore.transaction.db.11',
    'neostore.transaction.db.12',
  ]);
});

for (const perl of [true, false]) {
  const how = perl ? 'in passes' : 'without Perl';

  test(`a store that lacks a database is not copied, ${how}`, async () => {
    const { ends, copy, data } = await shortCopy(`lacks-${perl}`, { perl, wanted: 'neo4j movies' });
    // What a snapshot that was not mounted looks like.
    await mkdir(join(data, 'databases/movies'), { recursive: true });
    const { code, said, errors } = await ends();
    assert.deepEqual([code, said], [1, '']);
    assert.match(errors, /^there is no database movies in /);
    assert.deepEqual(await readdir(copy), []);
  });

  test(`a copy that lost a database on its way is none, and leaves no room taken, ${how}`, async () => {
    const { ends, copy, data } = await shortCopy(`lost-${perl}`, { perl, wanted: 'neo4j' });
    const { code, said, errors } = await ends(
      async () => await rm(join(data, 'databases/neo4j'), { recursive: true }),
    );
    assert.notEqual(code, 0);
    assert.doesNotMatch(said, /lifeboat:copied/);
    assert.match(errors, perl ? /^there is no database neo4j in / : /cannot stat|No such file/);
    assert.deepEqual(await readdir(copy), []);
  });
}

test('a copy that fails on the disk takes what it has copied away', async () => {
  const { ends, copy, data } = await shortCopy('fails', { perl: true, wanted: 'neo4j' });
  // Nobody copies a pipe; it stands for a disk that is full.
  const { code, errors } = await ends(
    async () => await promisify(execFile)('mkfifo', [join(data, 'databases/neo4j/pipe')]),
  );
  assert.notEqual(code, 0);
  assert.match(errors, /neither a file nor a directory/);
  assert.deepEqual(await readdir(copy), []);
});

/** A copy of a small store; `ends` lets it go after a change in its window. */
async function shortCopy(name: string, { perl, wanted }: { perl: boolean; wanted: string }) {
  const root = join(directory, name);
  const [data, copy, go] = [join(root, 'data'), join(root, 'copy'), join(root, 'go')];
  await mkdir(copy, { recursive: true });
  await put(join(data, 'databases/neo4j/store'), randomBytes(1000));
  await put(join(data, 'transactions/neo4j/log.0'), randomBytes(1000));
  const programs = join(root, 'bin');
  await mkdir(programs);
  if (!perl) {
    for (const program of ['rm', 'mkdir', 'cp', 'du', 'df', 'tail', 'cut', 'tr', 'ls', 'sleep', 'sync']) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `command -v ${program}`]);
      await symlink(stdout.trim(), join(programs, program));
    }
  }
  const env = { ...process.env, ...(perl ? {} : { PATH: programs }) };
  return {
    data,
    copy,
    ends: async (inWindow = async (): Promise<unknown> => undefined) => {
      const script = ['-c', COPY_SCRIPT, 'sh', data, copy, go, '1', 'all', wanted, ...TREES];
      const helper = spawn('/bin/sh', script, { env });
      let said = '';
      let errors = '';
      helper.stdout.on('data', async (chunk: Buffer) => {
        said += chunk.toString();
        if (!chunk.toString().includes('lifeboat:ready')) return;
        await inWindow();
        await writeFile(go, '');
      });
      helper.stderr.on('data', (chunk: Buffer) => {
        errors += chunk.toString();
      });
      const [code] = await once(helper, 'close');
      return { code, said, errors };
    },
  };
}

/** A machine with one core, whose `sync` is only written down. */
async function oneCoreWithSync(root: string) {
  const [programs, log] = [join(root, 'bin'), join(root, 'synced')];
  await put(log, Buffer.alloc(0));
  await mkdir(programs, { recursive: true });
  await writeFile(join(programs, 'nproc'), '#!/bin/sh\necho 1\n', { mode: 0o755 });
  await writeFile(join(programs, 'sync'), `#!/bin/sh\necho "$@" >> ${log}\n`, { mode: 0o755 });
  return {
    env: { ...process.env, PATH: `${programs}:${process.env.PATH}` },
    synced: async () => await readFile(log, 'utf8'),
  };
}

const earlyPasses = (said: string) =>
  [...said.matchAll(/^lifeboat:early \d+ \d+ (\d+)$/gm)].map(([, written]) => ({ written: Number(written) }));

/** Files as a store has them: large, small, empty, with holes, in folders. */
async function makeStore(data: string): Promise<string> {
  const neo4j = join(data, 'databases/neo4j');
  await put(join(neo4j, 'store'), randomBytes(9 * BLOCK + 17));
  await put(join(neo4j, 'shrinks'), randomBytes(3 * BLOCK));
  await put(join(neo4j, 'grows'), randomBytes(1000));
  await put(join(neo4j, 'goes'), randomBytes(1000));
  await put(join(neo4j, 'index/folder-that-goes/segment'), randomBytes(500));
  await put(join(neo4j, 'empty'), Buffer.alloc(0));
  await put(join(neo4j, 'untouched'), randomBytes(2 * BLOCK));
  const holes = await open(join(neo4j, 'holes'), 'w');
  await holes.truncate(64 * BLOCK);
  await holes.write(randomBytes(10), 0, 10, 40 * BLOCK);
  await holes.close();
  await put(join(data, 'databases/system/store'), randomBytes(100));
  await put(join(data, 'transactions/neo4j/log.0'), randomBytes(BLOCK));
  return neo4j;
}

/** What a database does to them: blocks change, become zeros, are cut off and added; files and folders come and go. */
async function change(neo4j: string): Promise<void> {
  const store = await open(join(neo4j, 'store'), 'r+');
  await store.write(randomBytes(5), 0, 5, 2 * BLOCK - 2);
  await store.write(Buffer.alloc(BLOCK), 0, BLOCK, 5 * BLOCK);
  await store.close();
  await truncate(join(neo4j, 'shrinks'), BLOCK + 1);
  await writeFile(join(neo4j, 'grows'), randomBytes(2 * BLOCK));
  await rm(join(neo4j, 'goes'));
  await rm(join(neo4j, 'index/folder-that-goes'), { recursive: true });
  await put(join(neo4j, 'comes/segment'), randomBytes(700));
  const holes = await open(join(neo4j, 'holes'), 'r+');
  await holes.write(Buffer.alloc(10), 0, 10, 40 * BLOCK);
  await holes.write(randomBytes(10), 0, 10, 50 * BLOCK);
  await holes.close();
}

async function put(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function filesBelow(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    found[name] = entry.isDirectory() ? 'folder' : (await readFile(path)).toString('base64');
  }
  // The copy has folders for trees that there are none of.
  delete found.transactions;
  return found;
}
