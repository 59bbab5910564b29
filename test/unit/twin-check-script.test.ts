import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { TWIN_CHECK_SCRIPT } from '../../src/adapters/neo4j/twin-check-script.ts';

const run = promisify(execFile);
const data = await mkdtemp(join(tmpdir(), 'lifeboat-twin-'));
after(async () => await rm(data, { recursive: true, force: true }));

const twin = join(data, 'twin', 'neo4j');
const STORE = {
  'databases/neo4j/neostore': Buffer.alloc(8192, 1),
  'databases/neo4j/schema/index': Buffer.alloc(100, 2),
  'databases/neo4j/strings of it': Buffer.alloc(2 << 20, 3),
  'transactions/neo4j/neostore.transaction.db.0': Buffer.alloc(2 << 20, 4),
};

/** Answers what the program said that was run on the twin. */
async function check(...program: string[]): Promise<string> {
  const { stdout } = await run('sh', ['-c', TWIN_CHECK_SCRIPT, twin, data, 'neo4j', ...program]);
  return stdout.trim();
}
const inode = async (...path: string[]): Promise<number> => (await stat(join(...path))).ino;

test('the twin of a store shares its large files, and has small ones and its locks to itself', async () => {
  for (const [file, content] of Object.entries(STORE)) {
    await mkdir(join(data, file, '..'), { recursive: true });
    await writeFile(join(data, file), content);
  }
  await writeFile(join(data, 'databases/neo4j/database_lock'), '');
  await mkdir(join(data, 'databases/system'));
  assert.equal(
    await check('ls', join(twin, 'databases'), join(twin, 'databases/neo4j')),
    [
      `${join(twin, 'databases')}:\nneo4j\n`,
      `${join(twin, 'databases/neo4j')}:\nneostore\nschema\nstrings of it`,
    ].join('\n'),
  );
  for (const [file, content] of Object.entries(STORE)) {
    assert.deepEqual(await readFile(join(twin, file)), content);
    const shared = (await inode(twin, file)) === (await inode(data, file));
    assert.equal(shared, content.length > 1 << 20, file);
  }
});

test('what an attempt that died had left of a twin is made anew', async () => {
  await writeFile(join(twin, 'databases/neo4j/left'), '');
  await check('true');
  await assert.rejects(stat(join(twin, 'databases/neo4j/left')), { code: 'ENOENT' });
});

test('how the program ends is how the check ends', async () => {
  await assert.rejects(check('sh', '-c', 'exit 3'), { code: 3 });
});
