import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import {
  DUMP_SCRIPT,
  LEAN_DUMP_SCRIPT,
  LEAN_DUMPS_SCRIPT,
} from '../../src/adapters/neo4j/lean-dump-script.ts';

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), 'lifeboat-dump-'));
after(async () => await rm(directory, { recursive: true, force: true }));

const log = (number: number): string => `neostore.transaction.db.${number}`;
const FULL = Buffer.alloc(8192, 1);
/** As Neo4j begins one: a header, and space that is set aside. */
const BEGUN = Buffer.concat([Buffer.alloc(64, 1), Buffer.alloc(1 << 20)]);

/** Stands for a dump: what the logs are is its output, and it fails while the log that it wants is not there. */
const DUMP = 'echo dumped; [ -z "$2" ] || [ -e "$1/$2" ] || exit 7; ls "$1" > "$0/neo4j.dump"';

async function dump(name: string, logs: Record<string, Buffer>, wants = '') {
  const [to, from, aside] = ['out', 'logs', 'aside'].map((part) => join(directory, name, part));
  assert.ok(to && from && aside);
  await mkdir(from, { recursive: true });
  for (const [file, content] of Object.entries(logs)) await writeFile(join(from, file), content);
  const program = ['sh', '-c', DUMP, to, from, wants];
  const { stdout } = await run('sh', ['-c', LEAN_DUMP_SCRIPT, to, from, aside, ...program]);
  const dumped = (await run('cat', [join(to, 'neo4j.dump')])).stdout.trim().split('\n');
  return { dumped, times: stdout.split('dumped').length - 1, aside: await readdir(aside) };
}

test('a dump has the newest log, and nothing of the older ones', async () => {
  const { dumped, times } = await dump('full', {
    'checkpoint.0': FULL,
    ...Object.fromEntries([8, 9, 10].map((number) => [log(number), FULL])),
  });
  assert.deepEqual(dumped, ['checkpoint.0', log(10)]);
  assert.equal(times, 1);
});

test('before a log that was just begun, the one before it is kept, which the checkpoint may be in', async () => {
  const { dumped } = await dump('begun', { [log(1)]: FULL, [log(2)]: FULL, [log(3)]: BEGUN });
  assert.deepEqual(dumped, [log(2), log(3)]);
});

test('a dump that misses a log is given all of them back', async () => {
  const { dumped, times, aside } = await dump('missed', { [log(1)]: FULL, [log(2)]: FULL }, log(1));
  assert.deepEqual(dumped, [log(1), log(2)]);
  assert.equal(times, 2);
  assert.deepEqual(aside, []);
});

test('a dump that fails for another reason fails with that', async () => {
  await assert.rejects(dump('failed', { [log(1)]: FULL }, 'never'), { code: 7 });
  await assert.rejects(dump('failed twice', { [log(1)]: FULL, [log(2)]: FULL }, 'never'), { code: 7 });
});

test('a dump that fails leaves nothing of itself, and its exit code', async () => {
  const half = ['sh', '-c', 'echo half > "$0/neo4j.dump"; exit "$1"'];
  const to = join(directory, 'half', 'out');
  await run('sh', ['-c', DUMP_SCRIPT, to, ...half, to, '0']);
  assert.deepEqual(await readdir(to), ['neo4j.dump']);
  await assert.rejects(run('sh', ['-c', DUMP_SCRIPT, to, ...half, to, '137']), { code: 137 });
  assert.deepEqual(await readdir(to), []);

  const [logs, aside] = [join(directory, 'half', 'logs'), join(directory, 'half', 'aside')];
  await mkdir(logs);
  for (const number of [1, 2]) await writeFile(join(logs, log(number)), FULL);
  const script = ['-c', LEAN_DUMP_SCRIPT, to, logs, aside, ...half, to, '7'];
  await assert.rejects(run('sh', script), { code: 7 });
  assert.deepEqual([await readdir(to), await readdir(aside)], [[], []]);
});

test('a database without logs is dumped', async () => {
  const { dumped } = await dump('none', { 'checkpoint.0': FULL });
  assert.deepEqual(dumped, ['checkpoint.0']);
});

test('what an attempt that died had set aside is given back as well', async () => {
  const aside = join(directory, 'died', 'aside');
  await mkdir(aside, { recursive: true });
  await writeFile(join(aside, log(1)), FULL);
  const { dumped } = await dump('died', { [log(2)]: FULL }, log(1));
  assert.deepEqual(dumped, [log(1), log(2)]);
});

/** Stands for a dump of all databases: of each, what the logs of it are. */
const DUMP_ALL = `
for logs in "$1"/transactions/*; do ls "$logs" > "$0/$(basename "$logs").dump"; done
[ -z "$2" ] || { echo "no $2" >&2; exit 7; }
`;

async function dumpAll(name: string, databases: string[], fails = '') {
  const [to, copy] = [join(directory, name, 'out'), join(directory, name, 'copy')];
  for (const database of ['movies', 'system']) {
    await mkdir(join(copy, 'transactions', database), { recursive: true });
    for (const number of [1, 2]) await writeFile(join(copy, 'transactions', database, log(number)), FULL);
  }
  const program = ['sh', '-c', DUMP_ALL, to, copy, fails];
  const exit = await run('sh', ['-c', LEAN_DUMPS_SCRIPT, to, copy, databases.join(' '), ...program]).then(
    () => 0,
    ({ code }: { code: number }) => code,
  );
  const files = await readdir(to, { recursive: true });
  const aside = await readdir(join(copy, 'aside', 'movies'));
  return { exit, to, aside, dumps: files.filter((file) => file.endsWith('.dump')).sort() };
}

test('one program dumps all databases, each into its folder and without its old logs', async () => {
  const { exit, to, dumps, aside } = await dumpAll('together', ['movies', 'system']);
  assert.equal(exit, 0);
  assert.deepEqual(dumps, ['movies/movies.dump', 'system/system.dump']);
  assert.deepEqual((await readFile(join(to, 'movies/movies.dump'), 'utf8')).trim(), log(2));
  assert.deepEqual(aside, [log(1)]);
});

test('a dump of a database that was not asked for is left out', async () => {
  const { exit, dumps } = await dumpAll('asked', ['movies']);
  assert.deepEqual([exit, dumps], [0, ['movies/movies.dump']]);
});

test('when the program fails no dump is left, and one that it leaves out is a failure', async () => {
  const failed = await dumpAll('failed together', ['movies', 'system'], 'dump');
  assert.deepEqual([failed.exit, failed.dumps, failed.aside], [7, [], [log(1)]]);
  const { exit } = await dumpAll('left out', ['movies', 'other']);
  assert.equal(exit, 1);
});
