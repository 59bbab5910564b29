import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/client';
import {
  firstToWatch,
  type RunningRun,
  runningRuns,
  typeOfRun,
  worthWatching,
} from '../../src/cli/running-runs.ts';
import type { Connected } from '../../src/cli/session.ts';
import { hasWorker } from '../../src/cli/start-run.ts';
import { POLLS_WITHIN } from '../../src/model/fleet.ts';

const run = (workflowId: string, minute: number, parent?: string): RunningRun => ({
  workflowId,
  type: workflowId.split('/')[0] ?? '',
  startedAt: `2026-11-23T10:${minute}:00.000Z`,
  ...(parent ? { parent } : {}),
});
const ids = (runs: RunningRun[]): string[] => runs.map(({ workflowId }) => workflowId);

describe('what runs now', () => {
  test('leaves out parts of runs that are under way, and the watchdog', () => {
    const runs = [
      run('backup/a', 10),
      run('offline/graph', 11, 'backup/a'),
      run('verify/b', 12),
      run('watchdog/c', 13),
    ];
    assert.deepEqual(ids(worthWatching(runs)), ['verify/b', 'backup/a']);
  });

  test('shows what goes on when the run that started it is over', () => {
    const runs = [
      run('replicate/set/offsite', 10, 'backup/gone'),
      run('offline/graph', 11, 'backup/terminated'),
    ];
    assert.deepEqual(ids(worthWatching(runs)), ['offline/graph', 'replicate/set/offsite']);
  });

  test('shows what a watchdog gives back, which is not shown itself', () => {
    const runs = [run('watchdog/c', 10), run('offline/graph', 11, 'watchdog/c')];
    assert.deepEqual(ids(worthWatching(runs)), ['offline/graph']);
  });

  test('is read from what the server lists', async () => {
    const listed = [
      { workflowId: 'prune/x', type: 'prune', startTime: new Date(0), parentExecution: { workflowId: '' } },
      {
        workflowId: 'replicate/x',
        type: 'replicate',
        startTime: new Date(1),
        parentExecution: { workflowId: 'y' },
      },
    ];
    const list = async function* () {
      yield* listed;
    };
    const connected = { client: { workflow: { list } }, taskQueue: 'lifeboat' } as unknown as Connected;
    const found = await runningRuns(connected);
    assert.deepEqual(ids(found), ['replicate/x', 'prune/x']);
    assert.equal(firstToWatch(found)?.workflowId, 'prune/x');
  });
});

test('watch follows what somebody started rather than what such a run has left at work', () => {
  const left = run('replicate/set/offsite', 12, 'backup/gone');
  assert.equal(firstToWatch([left, run('backup/a', 11)])?.workflowId, 'backup/a');
  assert.equal(firstToWatch([left])?.workflowId, 'replicate/set/offsite');
  assert.equal(firstToWatch([]), undefined);
});

describe('the run to watch', () => {
  const connected = (describe: () => Promise<unknown>): Connected =>
    ({
      client: { workflow: { getHandle: () => ({ describe }) } },
      namespace: 'default',
      address: '127.0.0.1:7233',
    }) as unknown as Connected;

  test('has a type', async () => {
    assert.equal(
      await typeOfRun(
        connected(async () => ({ type: 'backup' })),
        'backup/a',
      ),
      'backup',
    );
  });

  test('that there is not is bad input, which names it', async () => {
    const gone = async () => await Promise.reject(new WorkflowNotFoundError('not found', 'wrong', undefined));
    await assert.rejects(typeOfRun(connected(gone), 'wrong'), {
      type: 'InvalidInput',
      message: /There is no run "wrong" in the namespace "default"/,
    });
    const away = async () => await Promise.reject(new Error('UNAVAILABLE'));
    await assert.rejects(typeOfRun(connected(away), 'backup/a'), { type: 'HostUnreachable' });
  });
});

test('a worker that has not polled lately serves nobody, though the server still lists it', async () => {
  const seen = async (at: number): Promise<boolean> => {
    const pollers = [{ lastAccessTime: { seconds: Math.floor(at / 1000) } }];
    const workflowService = { describeTaskQueue: async () => ({ pollers }) };
    return await hasWorker({ connection: { workflowService } } as unknown as Connected);
  };
  assert.equal(await seen(Date.now() - 20_000), true);
  assert.equal(await seen(Date.now() - POLLS_WITHIN - 5_000), false);
});
