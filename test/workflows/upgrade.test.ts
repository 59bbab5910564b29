// needs: docker temporal
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat } from './lifeboat.ts';
import { until } from './receivers.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

// One Qdrant and its worker: a backup is begun with the present code, and ended by a worker whose backup does one thing more.
let collections: Collections;
let lifeboat: Lifeboat;

before(async () => {
  collections = await startCollections();
  await collections.make('notes');
  lifeboat = await startLifeboat({ services: { vectors: collections.section() } });
});

after(async () => {
  await lifeboat?.close();
  await collections?.close();
});

/** What a later version of the backup would do before it captures: a run that is at storing has passed that place. */
const MORE = `await catalog('Look at the room again').checkRepository({ repository: primary, bytes: 0 });`;

/** The workflow code, changed as a later version would: the path of its bundle. */
async function laterVersion(name: string, more: string): Promise<string> {
  const folder = join(lifeboat.directory, name);
  await cp(join(PROJECT, 'src'), join(folder, 'src'), { recursive: true });
  await cp(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'src/workflows/backup.ts');
  const code = await readFile(file, 'utf8');
  const place = "  report.phase('capturing');";
  assert.equal(code.split(place).length, 2, 'there is one place for the change');
  const patched = `import { patched } from '@temporalio/workflow';\n`;
  await writeFile(file, patched + code.replace(place, `  ${more}\n${place}`));
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
  const bundle = await bundleWorkflowCode({ workflowsPath: join(folder, 'src/workflows/index.ts'), logger });
  await writeFile(join(folder, 'workflows.js'), bundle.code);
  return join(folder, 'workflows.js');
}

/** A backup of the old version, in the middle of storing when its worker is stopped. */
async function begunByOldWorker(): Promise<WorkflowHandle> {
  const marker = join(lifeboat.directory, `stalled-${Date.now()}`);
  await lifeboat.worker.kill('SIGTERM');
  await lifeboat.startWorker({ activity: 'storeSnapshot', how: 'stall', marker });
  const run = await lifeboat.start('backup');
  await until(() => existsSync(marker));
  await lifeboat.worker.kill('SIGTERM');
  return run;
}

/** The names of activities and patches in a history. */
async function stepsOf(run: WorkflowHandle): Promise<string[]> {
  const { events } = await run.fetchHistory();
  return (events ?? []).flatMap((event) =>
    [
      event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
      event.markerRecordedEventAttributes?.markerName ?? [],
    ].flat(),
  );
}

const looks = (steps: string[]): number => steps.filter((step) => step === 'checkRepository').length;

describe('a backup that is open while Lifeboat is upgraded', { timeout: 600_000 }, () => {
  test('goes on the way that it began, behind a patch, and a new one takes the new way', async () => {
    const bundle = await laterVersion('patched', `if (patched('look-again')) ${MORE}`);
    const run = await begunByOldWorker();
    await lifeboat.startWorker(undefined, { LIFEBOAT_WORKFLOW_BUNDLE: bundle });
    assert.equal(((await run.result()) as BackupResult).state, 'complete');
    const old = await stepsOf(run);
    assert.ok(!old.includes('core_patch'), 'no patch in what began before');

    const next = await lifeboat.start('backup');
    assert.equal(((await next.result()) as BackupResult).state, 'complete');
    const steps = await stepsOf(next);
    assert.ok(steps.includes('core_patch'), 'a patch in what began after');
    assert.equal(looks(steps), looks(old) + 1);
  });

  test('stops without a patch, loses nothing, and ends with the version before', async () => {
    const bundle = await laterVersion('unpatched', MORE);
    const run = await begunByOldWorker();
    await lifeboat.startWorker(undefined, { LIFEBOAT_WORKFLOW_BUNDLE: bundle });
    await until(async () => {
      const { name } = (await run.describe()).status;
      assert.equal(name, 'RUNNING', 'it neither ends nor fails');
      const { events } = await run.fetchHistory();
      return events?.some(({ workflowTaskFailedEventAttributes: failed }) =>
        /nondeterminism/i.test(failed?.failure?.message ?? ''),
      );
    });
    await lifeboat.worker.kill('SIGTERM');
    await lifeboat.startWorker();
    assert.equal(((await run.result()) as BackupResult).state, 'complete');
  });
});
