// needs: docker temporal
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { Secret } from '../../src/config/secret.ts';
import { ENCRYPTED } from '../../src/temporal/payload-codec.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { temporalProgram } from '../testbed/temporal.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat, unique } from './lifeboat.ts';
import { until } from './receivers.ts';
import { textsIn } from './texts.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));
const ORIGIN = 'http://127.0.0.1:8233';

const service = unique('vectors');
const newKey = (name: string) => ({ name, key: randomBytes(32).toString('base64') });
const [first, second] = [newKey('first'), newKey('second')];

let collections: Collections;
let lifeboat: Lifeboat;
/** A client that knows nothing of a codec: what it is given is what Temporal keeps. */
let raw: Client;
let earlier: { handle: WorkflowHandle; set: string };
let encrypted: WorkflowHandle;

before(async () => {
  collections = await startCollections();
  await collections.make('notes');
  // The test itself knows both keys; the installation is one from before, with no codec yet.
  const known = [first, second].map(({ name, key }) => ({ name, key: new Secret(key) }));
  lifeboat = await startLifeboat(
    { services: { [service]: collections.section() } },
    { codec: { encrypts: true, keys: () => known } },
  );
  raw = new Client({
    connection: lifeboat.client.connection,
    namespace: lifeboat.testbed.temporal.namespace,
  });
  const handle = await raw.workflow.start('backup', {
    taskQueue: lifeboat.taskQueue,
    workflowId: unique('backup'),
  });
  earlier = { handle, set: ((await handle.result()) as BackupResult).set };
  // It is switched on.
  await lifeboat.worker.kill('SIGTERM');
  await configure('lifeboat.yaml', [first]);
  await lifeboat.startWorker();
});

after(async () => {
  await lifeboat?.close();
  for (const name of (await collections?.own()) ?? []) await collections.drop(name);
  await collections?.close();
});

/** Write the configuration with these keys into a file of the test's directory; answers its path. */
async function configure(name: string, keys: object[] | undefined): Promise<string> {
  const config = JSON.parse(await readFile(lifeboat.configFile, 'utf8'));
  const { codec: _, ...temporal } = config.temporal;
  const server = { port: 0, origins: [ORIGIN] };
  const file = join(lifeboat.directory, name);
  await writeFile(
    file,
    JSON.stringify({ ...config, temporal: keys ? { ...temporal, codec: { keys, server } } : temporal }),
  );
  return file;
}

const start = (program: string, args: string[], file = lifeboat.configFile): ChildProcess =>
  spawn(program, args, {
    env: { ...process.env, LIFEBOAT_CONFIG: file, TEMPORAL_CONFIG_FILE: '/nowhere', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Run a program to its end. */
async function run(child: ChildProcess): Promise<{ code: number; out: string; err: string }> {
  const [[code], out, err] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { code: code as number, out, err };
}

interface Stored {
  encoding: string;
  key: string;
}

/** Every payload in a value, but those of search attributes, which Temporal has to read. */
function payloadsIn(value: unknown): Stored[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return [];
  const { metadata } = value as { metadata?: Record<string, Uint8Array> | null };
  if (metadata?.encoding instanceof Uint8Array) {
    const word = (name: string) => Buffer.from(metadata[name] ?? []).toString();
    return [{ encoding: word('encoding'), key: word('lifeboat-key') }];
  }
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'searchAttributes' ? [] : payloadsIn(inner),
  );
}

/** What Temporal keeps of a run and its children. */
async function historiesOf({ workflowId }: WorkflowHandle): Promise<unknown[]> {
  const { events } = await raw.workflow.getHandle(workflowId).fetchHistory();
  const children = (events ?? []).flatMap(
    (event) => event.childWorkflowExecutionStartedEventAttributes?.workflowExecution?.workflowId ?? [],
  );
  const below = await Promise.all(children.map((id) => historiesOf(raw.workflow.getHandle(id))));
  return [events, ...below.flat()];
}

/** What stays in clear by its nature: Temporal finds runs by it. */
const IN_CLEAR = ['searchAttributes', 'workflowId'];

/** Every payload of a run is encrypted, and no name shows. */
async function assertHidden(handle: WorkflowHandle, names: string[]): Promise<void> {
  const histories = await historiesOf(handle);
  const payloads = payloadsIn(histories);
  assert.ok(payloads.length > 10, `${payloads.length} payloads`);
  assert.deepEqual(
    payloads.filter(({ encoding }) => encoding !== ENCRYPTED),
    [],
  );
  const texts = textsIn(histories, IN_CLEAR);
  for (const name of names) {
    const found = texts.find((one) => one.includes(name));
    assert.equal(found, undefined, `${name} is in ${found}`);
  }
}

describe('with a codec', () => {
  test('Temporal keeps nothing of a backup in clear but ids and search attributes', async () => {
    encrypted = await lifeboat.start('backup');
    const result = (await encrypted.result()) as BackupResult;
    assert.equal(result.state, 'complete');
    const [collection = ''] = await collections.own();
    await assertHidden(encrypted, [service, collection, result.set]);
    // What was searched is what was meant: the run from before shows all of it.
    const texts = textsIn(await historiesOf(earlier.handle), IN_CLEAR);
    for (const name of [service, collection, earlier.set]) {
      assert.ok(
        texts.some((one) => one.includes(name)),
        name,
      );
    }
  });

  test('nor of what failed, and who has the key reads why', async () => {
    const handle = await lifeboat.start('backup', { services: ['absent'] });
    const { type, message } = await lifeboat.failureOf(handle);
    assert.equal(type, 'InvalidInput');
    assert.match(message, /"absent"/);
    const histories = await historiesOf(handle);
    assert.ok(!textsIn(histories, IN_CLEAR).some((one) => one.includes('absent')));
    assert.ok(textsIn(histories).includes('Encoded failure'));
  });

  test('the lifeboat command starts, follows and prints a run, and runs from before too', async () => {
    const verified = await run(start(LIFEBOAT, ['verify', '--json']));
    assert.equal(verified.code, 0, verified.err);
    const { workflowId, verdict } = JSON.parse(verified.out);
    assert.equal(verdict, 'ok');
    await assertHidden(raw.workflow.getHandle(workflowId), [service]);
    const watched = await run(start(LIFEBOAT, ['watch', earlier.handle.workflowId, '--json']));
    assert.equal(JSON.parse(watched.out).set, earlier.set, watched.err);
  });

  test('schedules are encrypted, and known again', async () => {
    const schedules = { night: { workflow: 'verify', cron: '0 3 * * *', input: { set: 'latest' } } };
    const config = JSON.parse(await readFile(lifeboat.configFile, 'utf8'));
    const file = join(lifeboat.directory, 'schedules.yaml');
    await writeFile(file, JSON.stringify({ ...config, schedules: { ...schedules, watchdog: OFF } }));
    const applied = await run(start(LIFEBOAT, ['schedules', 'apply', '--json'], file));
    assert.equal(applied.code, 0, applied.out + applied.err);
    const id = `${lifeboat.taskQueue}/night`;
    try {
      const { namespace } = lifeboat.testbed.temporal;
      const kept = await raw.workflowService.describeSchedule({ namespace, scheduleId: id });
      assert.ok(payloadsIn(kept).length > 1);
      assert.deepEqual(
        payloadsIn(kept).filter(({ encoding }) => encoding !== ENCRYPTED),
        [],
      );
      const shown = await run(start(LIFEBOAT, ['schedules', '--json'], file));
      assert.equal(shown.code, 0, shown.err);
      assert.deepEqual(JSON.parse(shown.out).differences, []);
    } finally {
      await raw.schedule.getHandle(id).delete();
    }
  });

  test('the Temporal CLI reads a history through the codec server', async () => {
    const server = start(LIFEBOAT, ['codec-server']);
    try {
      let said = '';
      server.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const url = await until(() => {
        assert.equal(server.exitCode, null, said);
        return /answers at (http:\S+),/.exec(said)?.[1];
      });
      const { address, namespace } = lifeboat.testbed.temporal;
      const show = ['workflow', 'show', '-w', encrypted.workflowId, '--output', 'json'];
      const at = ['--address', address, '--namespace', namespace];
      const program = await temporalProgram();
      const plain = await run(start(program, [...show, ...at]));
      assert.equal(plain.code, 0, plain.err);
      const { set } = (await encrypted.result()) as BackupResult;
      // As the result has it; a search attribute has the id alone.
      const field = `"set":"${set}"`;
      assert.ok(!shown(plain.out).includes(field));
      const decoded = await run(start(program, [...show, ...at, '--codec-endpoint', url]));
      assert.equal(decoded.code, 0, decoded.err);
      assert.ok(shown(decoded.out).includes(field));
    } finally {
      server.kill('SIGTERM');
      const [code] = server.exitCode === null ? await once(server, 'exit') : [server.exitCode];
      assert.equal(code, 0);
    }
  });
});

/** What the payloads of a history hold, as the Temporal CLI prints it. */
const shown = (json: string): string =>
  [...json.matchAll(/"data": "([^"]*)"/g)].map(([, data]) => Buffer.from(data ?? '', 'base64')).join('\n');

const OFF = { enabled: false };

describe('a new key', () => {
  test('is taken up by the running worker, and the old one goes on decrypting', async () => {
    await configure('lifeboat.yaml', [second, first]);
    await until(async () => {
      const handle = await lifeboat.start('verify');
      await handle.result();
      const results = payloadsIn((await historiesOf(handle)).flat().slice(-1));
      return results.length > 0 && results.every(({ key }) => key === 'second');
    });
    const watched = await run(start(LIFEBOAT, ['watch', encrypted.workflowId, '--json']));
    assert.equal(watched.code, 0, watched.err);
  });

  test('without the old one says which is missing, as usage', async () => {
    for (const [keys, words] of [
      [
        [second],
        /the key "first", and this configuration has "second": add that key to temporal\.codec\.keys/,
      ],
      [undefined, /the key "first", and there are no keys in this configuration/],
    ] as const) {
      const file = await configure('without.yaml', keys && [...keys]);
      const { code, err } = await run(start(LIFEBOAT, ['watch', encrypted.workflowId], file));
      assert.equal(code, 2, err);
      assert.match(err, words);
    }
  });
});
