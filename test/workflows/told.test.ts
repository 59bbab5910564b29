// needs: docker temporal
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat } from './lifeboat.ts';
import { type Posted, type Receivers, startReceivers, until } from './receivers.ts';
import { textsIn } from './texts.ts';

// Of such shapes that nothing but this test's own list can recognise them.
const secret = () => `canary${randomUUID().replaceAll('-', '')}`;
const PASSWORD = secret();
const PATH = secret();
const TOPIC = secret();
const TOKEN = secret();

let collections: Collections;
let receivers: Receivers;
let lifeboat: Lifeboat;
let notes: string;

before(async () => {
  collections = await startCollections();
  receivers = await startReceivers(PASSWORD);
  notes = await collections.make('notes');
  const { url, goneUrl, smtpPort } = receivers;
  const every = ['success', 'failure', 'partial', 'recovered', 'drill-failed', 'stale'];
  lifeboat = await startLifeboat({
    services: { vectors: collections.section({ include: [notes] }) },
    notifications: {
      hook: {
        kind: 'webhook',
        url: `${url}/hook/${PATH}`,
        headers: { Authorization: `Bearer ${TOKEN}` },
        on: every,
      },
      chat: { kind: 'slack', url: `${url}/chat/${PATH}` },
      push: { kind: 'ntfy', server: `${url}/`, topic: TOPIC, token: TOKEN },
      check: { kind: 'ping', url: `${url}/check/${PATH}` },
      mail: {
        kind: 'email',
        host: '127.0.0.1',
        port: smtpPort,
        security: 'none',
        username: 'lifeboat',
        password: PASSWORD,
        from: 'lifeboat@example.com',
        to: ['ops@example.com'],
      },
      slow: { kind: 'webhook', url: `${url}/slow/${PATH}`, on: ['success'], timeout: '1m' },
      gone: { kind: 'webhook', url: `${goneUrl}/hook/${PATH}`, on: every },
    },
  });
});

after(async () => {
  for (const { workflowId, status } of await runs('')) {
    if (status.name === 'RUNNING') {
      const handle = lifeboat.client.workflow.getHandle(workflowId);
      await handle.terminate('the test is over').catch(() => undefined);
    }
  }
  await lifeboat?.close();
  await receivers?.close();
  if (notes) await collections.drop(notes).catch(() => undefined);
  await collections?.close();
});

/** Runs of this test's worker. */
async function runs(and: string): Promise<WorkflowExecutionInfo[]> {
  const query = `TaskQueue = "${lifeboat.taskQueue}"${and}`;
  const found: WorkflowExecutionInfo[] = [];
  for await (const run of lifeboat.client.workflow.list({ query })) found.push(run);
  return found;
}

const at = (path: string): Posted[] => receivers.posted.filter((one) => one.path.startsWith(path));
const hooked = (kind: string) =>
  at('/hook')
    .map(({ body }) => JSON.parse(body))
    .filter((e) => e.kind === kind);
const pushed = (kind: string) =>
  receivers.posted
    .filter(({ path }) => path === '/')
    .map(({ body }) => JSON.parse(body))
    .filter(({ tags }) => tags.includes(kind));
const mailed = (kind: string) => receivers.mails.filter((mail) => mail.kind === kind);
const chatted = (words: RegExp) => at('/chat').filter(({ body }) => words.test(JSON.parse(body).text));

/** Each kind of channel for people was told, in its own way. */
async function peopleWereTold(kind: string, words: RegExp): Promise<void> {
  const [event] = await until(() => hooked(kind).length > 0 && hooked(kind));
  assert.deepEqual(event.services, ['vectors']);
  assert.match(event.title, words);
  await until(() => chatted(words).length > 0);
  const [push] = await until(() => pushed(kind).length > 0 && pushed(kind));
  assert.equal(push.topic, TOPIC);
  assert.match(push.title, words);
  const [mail] = await until(() => mailed(kind).length > 0 && mailed(kind));
  assert.equal(mail?.user, 'lifeboat');
  assert.match(mail?.subject ?? '', words);
}

/** The check was pinged: at its own URL for a success, at `/fail` for trouble. */
const pinged = (end: '' | '/fail') =>
  at('/check').filter(({ path }) => new URL(path, receivers.url).pathname === `/check/${PATH}${end}`);

/** A run is listed as ended, as the next one sees it. */
const ended = (runId: string) =>
  until(async () => (await runs(` AND RunId = "${runId}" AND ExecutionStatus != "Running"`)).length === 1);

describe('people are told', () => {
  let set: string;

  test('of a service that has no good set, when the worker starts, and not again at the next look', async () => {
    await peopleWereTold('stale', /vectors is overdue/);
    await until(
      async () => (await runs(' AND WorkflowType = "watchdog" AND ExecutionStatus = "Completed"')).length > 0,
    );
    const look = await lifeboat.start('watchdog');
    await look.result();
    const { events } = await look.fetchHistory();
    const children = events?.filter((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
    assert.deepEqual(children, []);
    assert.equal(hooked('stale').length, 1);
  });

  test('of a success, and a receiver that never answers or is away holds up nothing', async () => {
    const handle = await lifeboat.start('backup');
    const result = (await handle.result()) as BackupResult;
    set = result.set;
    assert.equal(result.state, 'complete');
    const [event] = await until(() => hooked('success').length > 0 && hooked('success'));
    assert.equal(event.set, set);
    assert.equal(at('/hook')[0]?.headers.authorization, `Bearer ${TOKEN}`);
    await until(() => pinged('').length === 1);
    // The backup is over; telling of it is not.
    await until(() => receivers.held.length > 0);
    assert.equal(receivers.held[0]?.writableEnded, false);
    const [telling] = await until(async () => {
      const found = await runs(' AND WorkflowType = "notification" AND ExecutionStatus = "Running"');
      const children = found.filter(({ workflowId }) => workflowId.startsWith('notification/backup/'));
      return children.length > 0 && children;
    });
    assert.ok(telling);
    assert.equal(mailed('success').length, 0);
    await ended((await handle.describe()).runId);
  });

  test('of a failure', async () => {
    await collections.drop(notes);
    const handle = await lifeboat.start('backup');
    await lifeboat.failureOf(handle);
    await peopleWereTold('failure', /backup of vectors FAILED/);
    await until(() => pinged('/fail').length === 1);
    assert.equal(hooked('recovered').length, 0);
    await ended((await handle.describe()).runId);
  });

  test('of the first success after it', async () => {
    await collections.make('notes');
    const handle = await lifeboat.start('backup');
    await handle.result();
    await peopleWereTold('recovered', /backup of vectors works again/);
    await until(() => pinged('').length === 2);
    await ended((await handle.describe()).runId);
    await lifeboat.run('backup');
    await until(() => hooked('success').length === 3);
    assert.equal(hooked('recovered').length, 1);
  });

  test('not of what a restore would do, which somebody asked', async () => {
    const handle = await lifeboat.start('restore', { dryRun: true });
    await handle.result();
    const { events } = await handle.fetchHistory();
    const steps = events?.map((one) => one.activityTaskScheduledEventAttributes?.activityType?.name) ?? [];
    assert.ok(steps.includes('selectArtifacts'));
    assert.ok(!steps.includes('eventsFor'));
  });

  test('of a drill that fails', async () => {
    const first = (await lifeboat.sets()).find((one) => one.set === set);
    assert.ok(first && 'manifest' in first, 'the first set is there');
    const file = join(lifeboat.directory, 'repository', first.manifest.artifacts[0]?.path ?? '');
    const bytes = await readFile(file);
    bytes[bytes.length >> 1]! ^= 0xff;
    await chmod(file, 0o600);
    await writeFile(file, bytes);
    const failure = await lifeboat.failureOf(await lifeboat.start('drill', { set }));
    assert.equal(failure.type, 'DrillFailed');
    await peopleWereTold('drill-failed', /restore drill of vectors FAILED/);
  });

  test('and no secret is in what they are told, in a history or in the log', async () => {
    const mine = [PASSWORD, PATH, TOPIC, TOKEN, ...(collections.apiKey ? [collections.apiKey] : [])];
    const told = [...receivers.posted.map(({ body }) => body), ...receivers.mails.map(({ text }) => text)];
    // A topic is where ntfy sends it to.
    const texts = told.map((text) => text.replaceAll(`"topic":"${TOPIC}"`, ''));
    const histories: string[] = [];
    for (const { workflowId, runId } of await runs('')) {
      const handle = lifeboat.client.workflow.getHandle(workflowId, runId);
      histories.push(...textsIn((await handle.fetchHistory()).events));
      // What is still being tried is not in the history yet, and shown with its last failure all the same.
      histories.push(...textsIn((await handle.describe()).raw.pendingActivities));
    }
    // What was searched is what was meant.
    assert.ok(histories.some((text) => text.includes('The webhook channel "gone" could not be told')));
    assert.ok(histories.some((text) => text.includes(set)));
    for (const one of mine) {
      for (const text of [...texts, ...histories, lifeboat.worker.output()]) {
        assert.ok(!text.includes(one), `a secret is in: ${text.replaceAll(one, '<here>').slice(0, 500)}`);
      }
    }
  });
});
