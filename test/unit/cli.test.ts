import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ActivityFailure, ApplicationFailure, CancelledFailure, RetryState } from '@temporalio/common';
import { commitManifest } from '../../src/adapters/repository/catalog.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import { several } from '../../src/cli/command.ts';
import { EXIT, failureOf } from '../../src/cli/exit-code.ts';
import { Rate, stepText } from '../../src/cli/progress-view.ts';
import { codeOfRun } from '../../src/cli/result-code.ts';
import { runId } from '../../src/cli/start-run.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import type { Manifest } from '../../src/model/manifest.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

interface Ended {
  code: number;
  out: string;
  err: string;
}

let folder: string;
let repository: string;
let config: string;

/** Run the command as a person in a pipe would. */
function lifeboat(...args: string[]): Promise<Ended> {
  const env = { ...process.env, LIFEBOAT_CONFIG: config, TEMPORAL_CONFIG_FILE: '/nowhere', NO_COLOR: '1' };
  return new Promise((resolve) => {
    const child = execFile(LIFEBOAT, args, { env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
    child.stdin?.end();
  });
}

const DAYS = ['2026-11-20', '2026-11-21', '2026-11-22'];
const setOf = (day: string): string => `${day.replaceAll('-', '')}T030000Z-abcdef`;

const manifestOf = (day: string, state: Manifest['state'] = 'complete'): Manifest => ({
  kind: 'lifeboat/backup-set',
  format: 1,
  set: setOf(day),
  createdAt: `${day}T03:00:00Z`,
  completedAt: `${day}T03:05:00Z`,
  lifeboat: '0.1.0',
  run: { workflowId: 'backup/x', runId: 'r' },
  state,
  consistent: true,
  skewSeconds: 2,
  services: [
    {
      name: 'vectors',
      kind: 'qdrant',
      version: '1.19.0',
      nodes: ['http://127.0.0.1:6333'],
      collections: [],
    },
  ],
  failures: [],
  encryption: null,
  artifacts: [
    {
      service: 'vectors',
      kind: 'qdrant-snapshot',
      name: 'notes',
      path: `sets/${setOf(day)}/vectors/notes.snapshot`,
      stored: { bytes: 1_000_000, sha256: 'a'.repeat(64) },
      content: { bytes: 2_000_000, sha256: 'b'.repeat(64) },
      compression: 'zstd',
      encryption: 'none',
      capturedAt: `${day}T03:01:00Z`,
    },
  ],
});

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-cli-'));
  repository = join(folder, 'repository');
  config = join(folder, 'lifeboat.yaml');
  await mkdir(repository);
  // Nothing listens on port 1: Temporal is unreachable here.
  await writeFile(
    config,
    `repositories: { local: { kind: directory, path: ${repository} } }
retention: { keepLast: 1 }
temporal: { address: "127.0.0.1:1" }
`,
  );
  const opened = openRepository({ kind: 'directory', name: 'local', path: repository });
  for (const day of DAYS) await commitManifest(opened, manifestOf(day));
  await opened.close();
});
after(() => rm(folder, { recursive: true }));

describe('without Temporal', () => {
  test('list shows the sets, newest first', async () => {
    const { code, out } = await lifeboat('list');
    assert.equal(code, 0);
    const lines = out.trim().split('\n');
    assert.match(lines[0] ?? '', /^SET +AGE +STATE +SERVICES +SIZE/);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(' ')[0]),
      DAYS.map(setOf).reverse(),
    );
    assert.match(lines[1] ?? '', /complete +vectors +1 MB/);
  });

  test('list --json is one document, wherever the option stands', async () => {
    const [before, behind] = await Promise.all([
      lifeboat('--json', 'list'),
      lifeboat('list', '--json', '-n', '1'),
    ]);
    assert.equal(JSON.parse(before.out).sets.length, 3);
    const [set] = JSON.parse(behind.out).sets;
    assert.deepEqual([set.set, set.bytes, set.held], [setOf('2026-11-22'), 1_000_000, false]);
  });

  test('show finds a set by its beginning or a time, and shows what it holds', async () => {
    const byId = await lifeboat('show', '20261121');
    assert.match(byId.out, /Set +20261121T030000Z-abcdef/);
    assert.match(byId.out, /qdrant-snapshot notes +1 MB +2 MB/);
    const byTime = await lifeboat('show', 'before 2026-11-21T00:00:00Z', '--json');
    assert.equal(JSON.parse(byTime.out).manifest.set, setOf('2026-11-20'));
  });

  test('hold pins a set and says so; releasing it needs a yes', async () => {
    const held = await lifeboat('hold', '20261120', '--reason', 'before the move');
    assert.match(held.out, /Set 20261120T030000Z-abcdef is held in local/);
    const { out } = await lifeboat('prune', '--dry-run', '--json');
    const [{ plan }] = JSON.parse(out).repositories;
    const kept = plan.keep.map((entry: { set: { id: string } }) => entry.set.id);
    assert.deepEqual(kept, [setOf('2026-11-22'), setOf('2026-11-20')]);
    assert.deepEqual(plan.keep[1].reasons, ['held']);

    const refused = await lifeboat('hold', '20261120', '--release');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /say --yes/);
    const released = await lifeboat('hold', '20261120', '--release', '--yes');
    assert.equal(released.code, 0);
    assert.match((await lifeboat('prune', '--dry-run')).out, /local: 1 stay, 2 leave \(2 MB\)/);
  });

  test('prune --dry-run gives a reason for each set', async () => {
    const { out } = await lifeboat('prune', '--dry-run');
    assert.match(out, /keep +20261122\S+ +1 MB +the newest good set, keepLast 1/);
    assert.match(out, /delete +20261121\S+ +1 MB +no rule keeps it/);
  });

  test('what needs Temporal says that it is unreachable, with its own exit code', async () => {
    const { code, err } = await lifeboat('backup');
    assert.equal(code, EXIT.unreachable);
    assert.match(err, /^lifeboat: The Temporal server at 127\.0\.0\.1:1 does not answer.*lifeboat up/);
    const { code: json, out } = await lifeboat('backup', '--json');
    assert.equal(json, EXIT.unreachable);
    assert.equal(JSON.parse(out).error.type, 'HostUnreachable');
  });

  test('status shows the repositories all the same', async () => {
    const { code, out } = await lifeboat('status', '--json');
    assert.equal(code, EXIT.unreachable);
    const { repositories, temporal } = JSON.parse(out);
    assert.equal(repositories[0].newest, '2026-11-22T03:00:00Z');
    assert.equal(repositories[0].newestVerified, null);
    assert.equal(temporal.reachable, false);
  });
});

describe('what can destroy', () => {
  for (const args of [['restore'], ['restore', '--undo'], ['prune']]) {
    test(`${args.join(' ')} asks, and does nothing where nobody answers`, async () => {
      const { code, err } = await lifeboat(...args);
      assert.equal(code, EXIT.usage);
      assert.match(err, /Go on\? Nobody can be asked here: say --yes/);
    });
  }
});

describe('usage', () => {
  test('an unknown command, option or value is exit code 2 with the nearest known one', async () => {
    const command = await lifeboat('bakcup');
    assert.equal(command.code, EXIT.usage);
    assert.match(command.err, /unknown command 'bakcup'\s+\(Did you mean backup\?\)/);
    assert.equal((await lifeboat('list', '--limt', '3')).code, EXIT.usage);
    assert.equal((await lifeboat('list', '--limit', '0')).code, EXIT.usage);
    assert.equal((await lifeboat('list', '--repository', 'none')).code, EXIT.usage);
  });

  test('a port that is none is refused with its option and what it takes', async () => {
    const [port, uiPort] = await Promise.all([
      lifeboat('up', '--port', 'abc'),
      lifeboat('up', '--ui-port', '65536'),
    ]);
    assert.equal(port.code, EXIT.usage);
    assert.match(port.err, /option '--port <port>' argument 'abc' is invalid.*from 1 to 65535/);
    assert.equal(uiPort.code, EXIT.usage);
    assert.match(uiPort.err, /option '--ui-port <port>'.*from 0 to 65535/);
  });

  test('options that exclude each other are refused, and not one of them forgotten', async () => {
    const refused = async (says: RegExp, ...args: string[]) => {
      const { code, err } = await lifeboat(...args);
      assert.equal(code, EXIT.usage, err);
      assert.match(err, says);
    };
    await Promise.all([
      refused(/'--detach' cannot be used with option '--wait'/, 'backup', '--wait', '--detach'),
      refused(/'--kept' cannot be used with option '-n, --limit <count>'/, 'list', '--kept', '-n', '3'),
    ]);
  });

  test('what a restore can not do is refused before it asks, with the name of the field', async () => {
    const refused = async (says: RegExp, ...args: string[]) => {
      const { code, err } = await lifeboat('restore', ...args);
      assert.equal(code, EXIT.usage, err);
      assert.match(err, says);
      assert.doesNotMatch(err, /Go on\?/);
    };
    await Promise.all([
      refused(/"set": can not be combined with "undo"/, 'latest', '--undo'),
      refused(/"stage": .*volume.*elsewhere/, '--stage', 'nowhere'),
      refused(/--into names "a" twice, as "b" and as "c"/, '--into', 'a=b,a=c'),
    ]);
    await refused(/--into takes from=to.*"a=b=c"/, '--into', 'a=b=c');
  });

  test('help and version are no failures', async () => {
    const [help, version] = await Promise.all([lifeboat('--help'), lifeboat('--version')]);
    assert.equal(help.code, 0);
    assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
    const commands =
      'backup restore list show verify drill prune hold replicate schedules status watch doctor worker up config';
    for (const command of commands.split(' '))
      assert.match(help.out, new RegExp(`^ +${command}\\b`, 'm'), command);
  });

  test('config check tells every problem, with exit code 2', async () => {
    const bad = join(folder, 'bad.yaml');
    await writeFile(bad, 'repositories: {}\nconsistent: perhaps\n');
    const { code, err } = await lifeboat('config', 'check', '--config', bad);
    assert.equal(code, EXIT.usage);
    assert.match(err, /has 2 problems:/);
    const { out } = await lifeboat('config', 'check', '--config', bad, '--json');
    assert.deepEqual(
      JSON.parse(out).error.details.problems.map(({ path, line }: { path: string; line: number }) => [
        path,
        line,
      ]),
      [
        ['repositories', 1],
        ['consistent', 2],
      ],
    );
  });

  test('config show fills in the defaults and hides secrets', async () => {
    const file = join(folder, 'secret.yaml');
    await writeFile(
      file,
      `services: { g: { kind: neo4j, container: g, password: hunter22 } }\nrepositories: { local: { kind: directory, path: ${repository} } }`,
    );
    const { out } = await lifeboat('config', 'show', '-c', file);
    assert.match(out, /stopGraceSeconds: 180/);
    assert.match(out, /password: "\[secret\]"/);
    assert.ok(!out.includes('hunter22'));
  });

  test('config schema is a JSON Schema', async () => {
    const { out } = await lifeboat('config', 'schema');
    assert.equal(JSON.parse(out).$schema, 'https://json-schema.org/draft/2020-12/schema');
  });

  test('completion scripts are printed, and commands are offered', async () => {
    assert.match((await lifeboat('completion', 'bash')).out, /lifeboat/);
    assert.match((await lifeboat('complete', '--', 'res')).out, /^restore/m);
  });
});

describe('exit codes', () => {
  const of = (error: unknown) => {
    const { type, exitCode } = failureOf(error);
    return [type, exitCode];
  };
  const inActivity = (cause: Error) =>
    new Error('Workflow execution failed', {
      cause: new ActivityFailure(
        'Activity task failed',
        'stop',
        '1',
        RetryState.NON_RETRYABLE_FAILURE,
        undefined,
        cause,
      ),
    });

  test('the deepest cause with a type of ours decides', () => {
    const busy = ApplicationFailure.nonRetryable('neo4j is busy', 'ServiceBusy');
    assert.deepEqual(of(inActivity(busy)), ['ServiceBusy', EXIT.busy]);
    assert.equal(failureOf(inActivity(busy)).message, 'neo4j is busy');
    const inner = ApplicationFailure.create({
      message: 'the backup failed',
      type: 'BackupFailed',
      cause: ApplicationFailure.nonRetryable('no space', 'InsufficientSpace'),
    });
    assert.deepEqual(of(inActivity(inner)), ['InsufficientSpace', EXIT.failed]);
  });

  test('unreachable, usage, cancelled and unknown are told apart', () => {
    assert.deepEqual(of(new LifeboatError('RepositoryUnreachable', 'x')), [
      'RepositoryUnreachable',
      EXIT.unreachable,
    ]);
    assert.deepEqual(of(new LifeboatError('InvalidConfiguration', 'x')), [
      'InvalidConfiguration',
      EXIT.usage,
    ]);
    assert.deepEqual(of(new Error('x', { cause: new CancelledFailure('gone') })), ['Cancelled', EXIT.failed]);
    assert.deepEqual(of(inActivity(ApplicationFailure.create({ message: 'x', type: 'TypeError' }))), [
      'Unknown',
      EXIT.failed,
    ]);
    assert.deepEqual(of('text'), ['Unknown', EXIT.failed]);
  });
});

test('whoever watches a run gets the exit code of who started it', () => {
  const backup = codeOfRun('backup');
  assert.equal(backup({ state: 'complete', repositories: { local: 'ok' } }), EXIT.ok);
  assert.equal(backup({ state: 'complete', repositories: { local: 'ok', away: 'pending' } }), EXIT.partial);
  assert.equal(backup({ state: 'partial', repositories: { local: 'ok' } }), EXIT.partial);
  assert.equal(codeOfRun('fleetBackup')({ state: 'partial' }), EXIT.partial);
  assert.equal(codeOfRun('fleetStatus')({ counts: { unreachable: 1, stale: 1 } }), EXIT.unreachable);
  assert.equal(codeOfRun('fleetStatus')({ counts: { ok: 1 } }), EXIT.ok);
  for (const other of ['prune', 'constructor']) assert.equal(codeOfRun(other)({}), EXIT.ok);
});

describe('progress', () => {
  test('rate and remaining time come from what was seen', () => {
    const rate = new Rate();
    assert.deepEqual(rate.see(0, 100e6, 0), { perSecond: 0 });
    assert.deepEqual(rate.see(20e6, 100e6, 2_000), { perSecond: 10e6, left: 8_000 });
    // A retry begins anew.
    assert.deepEqual(rate.see(5e6, 100e6, 4_000), { perSecond: 0 });
  });

  test('a step reads as bytes, rate and time', () => {
    const step = { step: 'dump', bytes: 20e6, total: 100e6 };
    assert.equal(stepText(step, { perSecond: 10e6, left: 8_000 }), '20 MB of 100 MB · 10 MB/s · 8s left');
    assert.equal(stepText({ step: 'dump' }, { perSecond: 0 }), '');
  });

  test('ids of runs sort by time and differ', () => {
    const now = new Date('2026-11-23T10:15:00Z');
    assert.match(runId('backup', now), /^backup\/2026-11-23T10-15-00Z-[0-9a-f]{4}$/);
    assert.deepEqual(several('a, b', ['x']), ['x', 'a', 'b']);
    assert.deepEqual(several('a,b,a', ['b']), ['b', 'a']);
  });
});
