import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTime } from '../../src/activities/in-time.ts';

const never = new Promise<string>(() => {});
const late = () => new Error('too late');

test('an answer that comes in time is the answer', async () => {
  const { signal } = new AbortController();
  assert.equal(await inTime(Promise.resolve('here'), { signal, limitMs: 60_000 }, late), 'here');
  await assert.rejects(
    inTime(Promise.reject(new Error('refused')), { signal, limitMs: 60_000 }, late),
    /refused/,
  );
});

test('one that never comes is waited for until the limit, or until a cancel', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  await assert.rejects(inTime(never, { signal, limitMs: 10 }, late), /too late/);
  const waiting = inTime(never, { signal, limitMs: 60_000 }, late);
  controller.abort(new Error('cancelled'));
  await assert.rejects(waiting, /cancelled/);
  await assert.rejects(inTime(never, { signal, limitMs: 60_000 }, late), /cancelled/);
});
