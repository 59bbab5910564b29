// needs: docker temporal
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type WorkflowExecutionInfo, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { endSharedThreads, type HostWorker, startHostWorker } from '../../scripts/fleet-steps/host-worker.ts';
import { simulatedHost } from '../../scripts/fleet-steps/simulated-host.ts';
import { EXIT } from '../../src/cli/exit-code.ts';
import type { Progress } from '../../src/model/progress.ts';
import type { FleetBackupResult } from '../../src/workflows/fleet-backup.ts';
import type { FleetStatusResult } from '../../src/workflows/fleet-status.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat, unique } from './lifeboat.ts';
import { until } from './receivers.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

// Two hosts with workers of their own and a Qdrant, of which one wants a collection that is not there; one that nobody works for; simulated ones; a controller.
const web = unique('web');
const broken = unique('broken');
const dead = unique('dead');
const slow = unique('slow');
const plain = ['a', 'b', 'c', 'd'].map((letter) => unique(letter));

let collections: Collections;
let controller: Lifeboat;
let webHost: Lifeboat;
let brokenHost: Lifeboat;
let connection: NativeConnection;
const simulated: HostWorker[] = [];

/** What the simulated host "slow" waits for at its dump, and what it did after it. */
let gate = Promise.withResolvers<void>();
const done: string[] = [];
/** Simulated hosts that were at work at the same time. */
let atWork = 0;
let mostAtWork = 0;

async function held(activity: string, signal: AbortSignal): Promise<void> {
  done.push(activity);
  if (activity !== 'dumpDatabase') return;
  await Promise.race([gate.promise, new Promise((_, reject) => signal.addEventListener('abort', reject))]);
}

function counting(activity: string): void {
  if (activity === 'planRun') mostAtWork = Math.max(mostAtWork, ++atWork);
  if (activity === 'commitSet') atWork -= 1;
}

before(async () => {
  const { temporal, directory } = useTestbed();
  collections = await startCollections();
  const notes = await collections.make('notes');
  const vectors = collections.section({ include: [notes] });
  const absent = collections.section({ include: [collections.unique('absent')] });
  const fleet = { hosts: [web, broken, dead, slow], concurrency: 3 };
  controller = await startLifeboat({ services: {}, repositories: {}, fleet });
  webHost = await startLifeboat({ host: web, services: { vectors } });
  brokenHost = await startLifeboat({ host: broken, services: { vectors: absent } });
  connection = await NativeConnection.connect({ address: temporal.address });
  const code = await readFile(join(directory, 'workflow-bundle.js'), 'utf8');
  const behaviours = [[slow, held] as const, ...plain.map((host) => [host, counting] as const)];
  for (const [host, behave] of behaviours) {
    simulated.push(
      await startHostWorker({
        host,
        connection,
        namespace: temporal.namespace,
        workflowBundle: { code },
        activities: simulatedHost(host, { stepMs: () => 20, before: behave }),
      }),
    );
  }
});

after(async () => {
  gate.resolve();
  await Promise.all(simulated.map((host) => host.stop()));
  await endSharedThreads();
  await connection?.close();
  for (const lifeboat of [controller, webHost, brokenHost]) await lifeboat?.close();
  await collections?.close();
});

/** Let the slow host wait at its dump again. */
function hold(): void {
  gate = Promise.withResolvers();
  done.length = 0;
  mostAtWork = 0;
}

/** Run the command with the configuration of the controller. */
async function lifeboat(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, LIFEBOAT_CONFIG: join(controller.directory, 'lifeboat.yaml'), NO_COLOR: '1' };
  return await new Promise((resolve) => {
    execFile(LIFEBOAT, args, { env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

/** Wait until the current details of a run, as the Temporal UI shows them, have these words. */
async function showsAs(run: WorkflowHandle, words: string): Promise<void> {
  await until(async () => {
    const shown = await run
      .query<{ currentDetails: string }>('__temporal_workflow_metadata')
      .catch(() => undefined);
    return shown?.currentDetails.includes(words);
  });
}

const openHosts = async (run: WorkflowHandle): Promise<string[]> =>
  (await run.query<Progress>('progress')).services.map(({ service }) => service);

async function listed(query: string): Promise<WorkflowExecutionInfo[]> {
  const found: WorkflowExecutionInfo[] = [];
  for await (const run of controller.client.workflow.list({ query })) found.push(run);
  return found;
}

/** What a run of the fleet has started on a host. */
const runsOf = async (host: string, { workflowId }: WorkflowHandle) =>
  (await listed(`TaskQueue = "lifeboat@${host}" AND WorkflowType = "backup"`)).filter(
    ({ parentExecution }) => parentExecution?.workflowId === workflowId,
  );

describe('a fleet', () => {
  test('is backed up host by host, and a host that is slow, broken or dead fails no other', async () => {
    const run = await controller.start('fleetBackup');
    // Everybody else is done while one still works.
    await until(() => done.includes('dumpDatabase'));
    await showsAs(run, '3 of 4 hosts: 1 ok, 1 failed, 1 unreachable');
    assert.deepEqual(await openHosts(run), [slow]);
    gate.resolve();
    const result = (await run.result()) as FleetBackupResult;
    const { state, hosts, ok, failed, unreachable, failures } = result;
    assert.deepEqual([state, hosts, ok, failed, unreachable], ['partial', 4, 2, 1, 1]);
    const by = Object.fromEntries(failures.map((one) => [one.host, one]));
    assert.equal(by[broken]?.type, 'CollectionNotFound');
    assert.match(by[broken]?.message ?? '', /vectors/);
    assert.equal(by[dead]?.type, 'HostUnreachable');
    assert.match(by[dead]?.message ?? '', new RegExp(`lifeboat@${dead}.*Nothing was started there`));
    assert.equal(by[dead]?.workflowId, undefined);
    assert.deepEqual(result.slowest.map(({ host }) => host).sort(), [slow, web].sort());

    assert.equal((await webHost.sets()).length, 1);
    const [host] = await until(async () => {
      const found = await runsOf(web, run);
      return found.length > 0 && found;
    });
    assert.match(host?.workflowId ?? '', new RegExp(`^backup/lifeboat@${web}/`));
    assert.deepEqual(await listed(`TaskQueue = "lifeboat@${dead}"`), []);
    assert.equal((await lifeboat('watch', run.workflowId)).code, EXIT.partial);
  });

  test('has a controller that starts no watchdog, having nothing to look after', async () => {
    const lookOf = (one: Lifeboat) =>
      one.client.workflow.getHandle(`watchdog/${one.taskQueue}/start-up`).describe();
    await assert.rejects(lookOf(controller), WorkflowNotFoundError);
    assert.equal((await lookOf(webHost)).type, 'watchdog');
  });

  test('continues as new, and takes over what is at work', async () => {
    hold();
    const run = await controller.start('fleetBackup', {
      hosts: [slow, ...plain],
      concurrency: 3,
      hostsARun: 2,
    });
    await until(() => done.includes('dumpDatabase'));
    const first = await run.describe();
    // The chain goes on to its last run while the first host is still held.
    await showsAs(run, '4 of 5 hosts: 4 ok');
    assert.notEqual((await run.describe()).runId, first.runId);
    assert.deepEqual(await openHosts(run), [slow]);
    gate.resolve();
    const result = (await run.result()) as FleetBackupResult;
    assert.deepEqual([result.state, result.hosts, result.ok], ['complete', 5, 5]);
    assert.equal(result.bytes, 5 * 100_000_000);
    assert.ok(mostAtWork <= 2, `${mostAtWork} hosts worked beside the one that was held`);
    await until(async () => (await listed(`WorkflowId = "${run.workflowId}"`)).length === 3);
  });

  test('passes a cancel on to what this run and an earlier one have started', async () => {
    const [other = ''] = plain;
    for (const hostsARun of [1, 2]) {
      hold();
      // With one host a run, the first one is an earlier run's by then.
      const run = await controller.start('fleetBackup', { hosts: [slow, other], hostsARun });
      await until(() => done.includes('dumpDatabase'));
      await showsAs(run, '1 of 2 hosts: 1 ok');
      await run.cancel();
      assert.equal((await controller.failureOf(run)).type, 'Cancelled');
      const ended = await until(async () => (await runsOf(slow, run)).find(({ closeTime }) => closeTime));
      assert.equal(ended.status.name, 'CANCELLED');
      // Given back to its users, after it was stopped.
      assert.ok(done.indexOf('closeWindow') > done.indexOf('openWindow'));
    }
  });

  test('takes a new limit while it runs', async () => {
    hold();
    const run = await controller.start('fleetBackup', { hosts: [slow, ...plain], concurrency: 1 });
    await until(() => done.includes('dumpDatabase'));
    await run.signal('concurrency', 3);
    await showsAs(run, '4 of 5 hosts: 4 ok');
    gate.resolve();
    assert.equal(((await run.result()) as FleetBackupResult).ok, 5);
  });

  test('fails when no host was backed up, and says why', async () => {
    const failure = await controller.failureOf(await controller.start('fleetBackup', { hosts: [broken] }));
    assert.equal(failure.type, 'FleetFailed');
    assert.match(failure.message, new RegExp(`None of 1 hosts was backed up: 1 failed. ${broken}: `));
  });

  test('refuses what it does not know, and a worker without a fleet says so', async () => {
    const unknown = await controller.failureOf(await controller.start('fleetBackup', { host: web }));
    assert.equal(unknown.type, 'InvalidInput');
    assert.match(unknown.message, /unknown field "host"/);
    const none = await webHost.failureOf(await webHost.start('fleetStatus'));
    assert.equal(none.type, 'InvalidConfiguration');
    assert.match(none.message, /fleet\.hosts/);
  });

  test('tells how it is, and its dead hosts, in runs of a few hosts', async () => {
    const { counts, hosts } = await controller.run<FleetStatusResult>('fleetStatus', { hostsARun: 3 });
    assert.deepEqual(counts, { ok: 2, stale: 1, unreachable: 1 });
    assert.equal(hosts[web]?.state, 'ok');
    assert.equal(hosts[web]?.services, 1);
    assert.equal(hosts[broken]?.state, 'stale');
    assert.match(hosts[broken]?.problem ?? '', /vectors/);
    assert.equal(hosts[dead]?.state, 'unreachable');
  });

  test('is asked how it is by no more hosts at a time than it was told', async () => {
    const run = await controller.start('fleetStatus', { hosts: plain, concurrency: 1 });
    assert.equal(Object.keys(((await run.result()) as FleetStatusResult).hosts).length, plain.length);
    const open = new Set<string>();
    let asked = 0;
    for (const event of (await run.fetchHistory()).events ?? []) {
      if (event.activityTaskScheduledEventAttributes?.activityType?.name === 'hostStatus') {
        open.add(String(event.eventId));
        asked += 1;
        assert.equal(open.size, 1);
      }
      open.delete(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    }
    assert.equal(asked, plain.length);
  });

  test('is worked on by the command', async () => {
    const status = await lifeboat('fleet', 'status', '--host', `${web},${broken}`, '--json');
    assert.equal(status.code, EXIT.partial);
    assert.deepEqual((JSON.parse(status.out) as FleetStatusResult).counts, { ok: 1, stale: 1 });
    const backup = await lifeboat('fleet', 'backup', '-H', web, '-H', plain[0] ?? '', '--concurrency', '2');
    assert.equal(backup.code, EXIT.ok);
    assert.match(backup.out, /The backup of the fleet is complete: 2 of 2 hosts are whole/);
    const wrong = await lifeboat('fleet', 'backup', '--host', web, '--service', 'nothing');
    assert.equal(wrong.code, EXIT.failed);
    assert.match(wrong.err, new RegExp(`None of 1 hosts was backed up.*${web}: .*"nothing"`));
  });
});
