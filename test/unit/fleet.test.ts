import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Connection } from '@temporalio/client';
import {
  counted,
  emptyTally,
  type HostOutcome,
  isServed,
  outcomeOfBackup,
  POLLS_WITHIN,
  record,
  TOLD,
  talliedText,
} from '../../src/model/fleet.ts';
import { hostLine } from '../../src/model/fleet-status.ts';
import { fleetBackupInput, parseInput } from '../../src/model/inputs.ts';
import { criticalSectionId, hostBackupId, hostQueue } from '../../src/model/names.ts';
import { registerSearchAttributes } from '../../src/worker/search-attributes.ts';

const failed: HostOutcome = { state: 'failed', type: 'StartFailed', message: 'It did not start.' };
const gone: HostOutcome = { state: 'unreachable', type: 'HostUnreachable', message: 'Nobody serves it.' };

describe('the tally of a fleet', () => {
  test('counts every host once, and names those in trouble', () => {
    const tally = emptyTally();
    record(tally, 'a', { state: 'ok', bytes: 10, seconds: 3 });
    record(tally, 'b', { state: 'partial', bytes: 5, seconds: 9, message: 'vectors is missing: gone' });
    record(tally, 'c', failed, 'backup/c');
    record(tally, 'd', gone);
    assert.equal(counted(tally), 4);
    assert.equal(tally.bytes, 15);
    assert.equal(talliedText(tally), '1 ok, 1 partial, 1 failed, 1 unreachable');
    assert.deepEqual(tally.slowest, [
      { host: 'b', seconds: 9 },
      { host: 'a', seconds: 3 },
    ]);
    assert.deepEqual(
      tally.trouble.map(({ host, state, type, workflowId }) => [host, state, type, workflowId]),
      [
        ['b', 'partial', undefined, undefined],
        ['c', 'failed', 'StartFailed', 'backup/c'],
        ['d', 'unreachable', 'HostUnreachable', undefined],
      ],
    );
  });

  test('takes a host back that was given up and came out after all', () => {
    const tally = emptyTally();
    record(tally, 'a', gone);
    record(tally, 'a', { state: 'ok', bytes: 1, seconds: 1 });
    assert.equal(talliedText(tally), '1 ok');
    assert.deepEqual(tally.trouble, []);
  });

  test('stays small, whatever fails on however many hosts', () => {
    const tally = emptyTally();
    const message = 'x'.repeat(100_000);
    for (let host = 0; host < 5000; host += 1) record(tally, `host-${host}`, { ...failed, message });
    // A late word about a host that is only named changes nothing.
    record(tally, 'host-4999', { state: 'ok', bytes: 1, seconds: 1 });
    assert.equal(tally.failed, 5000);
    assert.equal(counted(tally), 5000);
    assert.equal(tally.trouble.length, TOLD);
    assert.equal(tally.more.length, 5000 - TOLD);
    assert.ok(JSON.stringify(tally).length < 200_000);
  });
});

describe('a host', () => {
  test('is whole only when its set is complete and in every repository', () => {
    const whole = { state: 'complete' as const, bytes: 1, seconds: 2, failures: [] };
    assert.equal(outcomeOfBackup({ ...whole, repositories: { local: 'ok' } }).state, 'ok');
    const pending = outcomeOfBackup({ ...whole, repositories: { local: 'ok', offsite: 'pending' } });
    assert.deepEqual(pending, {
      state: 'partial',
      bytes: 1,
      seconds: 2,
      message: 'The copy in offsite is pending.',
    });
    const partial = outcomeOfBackup({
      ...whole,
      state: 'partial',
      repositories: { local: 'ok' },
      failures: [{ service: 'graph', message: 'It is stopped.' }],
    });
    assert.equal('message' in partial && partial.message, 'graph is missing: It is stopped.');
  });

  test('is served when somebody polled for it lately', () => {
    const now = 1_000_000;
    assert.equal(isServed([], now), false);
    assert.equal(isServed([{ at: now - POLLS_WITHIN - 1 }], now), false);
    assert.equal(isServed([{ at: now - POLLS_WITHIN - 1 }, { at: now - POLLS_WITHIN }], now), true);
    assert.equal(isServed([{ at: null }], now), true);
  });

  test('is as old as the oldest of its services', () => {
    const ok = { service: 'graph', newest: '2026-11-22T03:00:00.000Z', stale: false };
    const older = { service: 'vectors', newest: '2026-11-21T03:00:00.000Z', stale: true };
    const host = { version: '1', services: [ok, older], problems: [] };
    assert.deepEqual(hostLine(host), {
      state: 'stale',
      newest: older.newest,
      services: 2,
      version: '1',
      problem: 'No recent good set of vectors.',
    });
    assert.equal(hostLine({ ...host, services: [ok] }).state, 'ok');
    assert.equal(hostLine({ ...host, services: [ok, { ...older, newest: null }] }).newest, null);
    const unread = hostLine({ ...host, problems: ['The bucket can not be read. '.repeat(50)] });
    assert.equal(unread.state, 'problem');
    assert.equal(unread.problem?.length, 200);
    assert.equal(hostLine({ ...host, services: [] }).state, 'problem');
  });

  test('has a queue, locks and runs of its own', () => {
    assert.equal(hostQueue('web-1'), 'lifeboat@web-1');
    assert.equal(criticalSectionId('graph', hostQueue('web-1')), 'offline/lifeboat@web-1/graph');
    assert.equal(hostBackupId('web-1', '20261122T030000Z-abc'), 'backup/lifeboat@web-1/20261122T030000Z-abc');
  });
});

describe('the input of fleetBackup', () => {
  const problem = (input: unknown) => {
    try {
      parseInput('fleetBackup', fleetBackupInput, input);
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  };

  test('may be absent, and is handed on to the hosts', () => {
    assert.equal(problem(undefined), undefined);
    assert.equal(problem({ hosts: ['web-1'], concurrency: 5, backup: { services: ['graph'] } }), undefined);
  });

  test('names what is wrong', () => {
    assert.match(problem({ host: 'web-1' }) ?? '', /unknown field "host".*hosts, concurrency, backup/);
    assert.match(problem({ hosts: ['web 1'] }) ?? '', /"hosts.0": must be a name/);
    assert.match(problem({ concurrency: 0 }) ?? '', /"concurrency"/);
    assert.match(problem({ backup: { service: 'graph' } }) ?? '', /unknown field "service"/);
  });
});

describe('a server that keeps search attributes elsewhere', () => {
  const server = (error: Error) =>
    ({
      operatorService: { listSearchAttributes: async () => Promise.reject(error) },
    }) as unknown as Connection;

  test('is no reason for a worker not to start', async () => {
    for (const code of [7, 12]) {
      const refused = Object.assign(new Error('refused'), { code });
      assert.deepEqual(await registerSearchAttributes(server(refused), 'default'), []);
    }
  });

  test('is told from one that is away', async () => {
    const away = Object.assign(new Error('14 UNAVAILABLE'), { code: 14 });
    await assert.rejects(registerSearchAttributes(server(away), 'default'), /UNAVAILABLE/);
  });
});
