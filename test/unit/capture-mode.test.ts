import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CaptureMode, chooseMode, fromModeDown } from '../../src/model/capture-mode.ts';

const set = (drilled: boolean, ...fallbacks: CaptureMode[]) => ({
  drilled,
  fallbacks: fallbacks.map((mode) => ({ mode })),
});

const COPIES = { copies: true, snapshots: false, online: false };

describe('the mode that auto means', () => {
  for (const [name, sets, expected] of [
    ['copies before anything was proven', [], 'copy'],
    ['copies while no set was drilled', [set(false), set(false)], 'copy'],
    ['freezes once a set was drilled', [set(false), set(true)], 'freeze'],
    ['does not freeze again after it failed', [set(false, 'freeze'), set(true)], 'copy'],
    ['freezes again after a later good drill', [set(true), set(false, 'freeze')], 'freeze'],
    ['takes a set that needed a fallback for no proof, though it was drilled', [set(true, 'freeze')], 'copy'],
    ['dumps after copying failed as well', [set(false, 'freeze', 'copy'), set(true)], 'dump'],
    ['dumps after copying failed without a drill', [set(false, 'copy')], 'dump'],
  ] as const) {
    test(name, () => assert.equal(chooseMode(sets, COPIES).mode, expected));
  }

  test('is dump for a version whose dump takes a store that needs recovery', () => {
    assert.equal(chooseMode([set(true)], { copies: false, snapshots: true, online: true }).mode, 'dump');
  });

  test('is snapshot where snapshots are set up, once a set was drilled and while none has failed', () => {
    assert.equal(chooseMode([], { ...COPIES, snapshots: true }).mode, 'copy');
    assert.equal(chooseMode([set(true)], { ...COPIES, snapshots: true }).mode, 'snapshot');
    assert.equal(
      chooseMode([set(false, 'snapshot'), set(true)], { ...COPIES, snapshots: true }).mode,
      'freeze',
    );
    assert.equal(
      chooseMode([set(false, 'snapshot', 'freeze'), set(true)], { ...COPIES, snapshots: true }).mode,
      'copy',
    );
  });

  test('is online on an Enterprise server, proven or not, until it fails, and again after a good drill', () => {
    const enterprise = { copies: true, snapshots: true, online: true };
    assert.equal(chooseMode([], enterprise).mode, 'online');
    assert.equal(chooseMode([set(false, 'online')], enterprise).mode, 'copy');
    assert.equal(chooseMode([set(false, 'online'), set(true)], enterprise).mode, 'snapshot');
    assert.equal(chooseMode([set(true), set(false, 'online')], enterprise).mode, 'online');
  });

  test('every mode falls back to the safer ones in turn', () => {
    assert.deepEqual(fromModeDown('snapshot'), ['snapshot', 'freeze', 'copy', 'dump']);
    assert.deepEqual(fromModeDown('online'), ['online', 'freeze', 'copy', 'dump']);
    assert.deepEqual(fromModeDown('freeze'), ['freeze', 'copy', 'dump']);
    assert.deepEqual(fromModeDown('dump'), ['dump']);
  });
});
