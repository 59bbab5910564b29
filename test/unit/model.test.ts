// needs: nothing
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container } from '../../src/adapters/docker/container.ts';
import { type Interruption, isOurs } from '../../src/adapters/docker/interruption.ts';
import { compareGraphRange } from '../../src/model/graph-comparison.ts';
import { backupInput, parseInput, restoreInput, watchdogInput } from '../../src/model/inputs.ts';
import { type GraphFacts, type Manifest, parseManifest } from '../../src/model/manifest.ts';
import { applicationPauseId, criticalSectionId, setId, word } from '../../src/model/names.ts';

const facts = (nodes: number, more: Partial<GraphFacts> = {}): GraphFacts => ({
  nodes,
  relationships: 2,
  labels: { Note: nodes },
  relationshipTypes: { LINKS_TO: 2 },
  indexes: ['note_id: RANGE Note(id)'],
  constraints: [],
  ...more,
});

test('a graph that lies between what was counted before and after agrees', () => {
  assert.deepEqual(compareGraphRange(facts(10), facts(20), facts(15)), []);
  assert.deepEqual(compareGraphRange(facts(20), facts(10), facts(10)), [], 'also when nodes were deleted');
});

test('every kind of difference is told', () => {
  const found = facts(21, { relationships: 1, relationshipTypes: {}, indexes: ['other: RANGE Note(x)'] });
  assert.deepEqual(compareGraphRange(facts(10), facts(20), found), [
    'nodes: 10 to 20 expected, 21 found',
    'relationships: 2 expected, 1 found',
    'nodes labelled Note: 10 to 20 expected, 21 found',
    'relationships of type LINKS_TO: 2 expected, 0 found',
    'indexes missing: note_id: RANGE Note(id)',
    'indexes that were not there: other: RANGE Note(x)',
  ]);
});

test('no input is an empty input, and unknown fields are refused by name', () => {
  assert.deepEqual(parseInput('backup', backupInput, undefined), {});
  assert.deepEqual(parseInput('backup', backupInput, null), {});
  assert.throws(
    () => parseInput('restore', restoreInput, { sett: 'latest' }),
    /unknown field "sett".*It takes.*set,/,
  );
  assert.throws(
    () => parseInput('restore', restoreInput, { undo: true, set: 'latest', into: { a: 'b' } }),
    /"set": can not be combined with "undo".*"into"/,
  );
  assert.deepEqual(parseInput('restore', restoreInput, { undo: true, services: ['graph'], dryRun: true }), {
    undo: true,
    services: ['graph'],
    dryRun: true,
  });
  assert.throws(() => parseInput('backup', backupInput, 'all'), { type: 'InvalidInput' });
  assert.throws(() => parseInput('watchdog', watchdogInput, { x: 1 }), /without fields/);
});

test('set ids sort by their time, and words never leave their folder', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }),
      fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }),
      (a, b) => {
        const [first, second] = [setId(a, 'aaaaaaaa'), setId(b, 'aaaaaaaa')];
        const seconds = (date: Date) => Math.floor(date.getTime() / 1000);
        assert.equal(Math.sign(seconds(a) - seconds(b)), first < second ? -1 : first > second ? 1 : 0);
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const safe = word(text);
      assert.match(safe, /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);
    }),
  );
});

test('hosts with queues of their own have locks of their own', () => {
  assert.equal(criticalSectionId('graph', 'lifeboat'), 'offline/graph');
  assert.equal(criticalSectionId('graph', 'lifeboat@host-1'), 'offline/lifeboat@host-1/graph');
  assert.notEqual(applicationPauseId('lifeboat'), applicationPauseId('lifeboat@host-1'));
});

const manifest = (): Manifest => ({
  kind: 'lifeboat/backup-set',
  format: 1,
  set: '20260101T000000Z-abcdef',
  createdAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:01:00.000Z',
  lifeboat: '0.1.0',
  run: { workflowId: 'w', runId: 'r' },
  state: 'complete',
  consistent: false,
  skewSeconds: null,
  services: [],
  failures: [],
  encryption: null,
  artifacts: [
    {
      service: 'graph',
      kind: 'neo4j-dump',
      name: 'neo4j',
      path: 'sets/20260101T000000Z-abcdef/graph/neo4j.dump',
      stored: { bytes: 1, sha256: 'a'.repeat(64) },
      content: { bytes: 1, sha256: 'a'.repeat(64) },
      compression: 'none',
      encryption: 'none',
      capturedAt: '2026-01-01T00:00:30.000Z',
    },
  ],
});

test('a manifest is read back as it was written', () => {
  assert.deepEqual(parseManifest(JSON.stringify(manifest()), 'm'), manifest());
});

test('a manifest that was cut anywhere is refused', () => {
  const text = JSON.stringify(manifest());
  fc.assert(
    fc.property(fc.integer({ min: 0, max: text.length - 1 }), (length) => {
      assert.throws(() => parseManifest(text.slice(0, length), 'm'), { type: 'ManifestInvalid' });
    }),
  );
});

test('a manifest of a later format is refused by that name', () => {
  assert.throws(() => parseManifest(JSON.stringify({ ...manifest(), format: 2 }), 'm'), {
    type: 'ManifestTooNew',
  });
});

test('a manifest whose paths lead elsewhere is refused', () => {
  for (const path of [
    '../x',
    '/etc/passwd',
    'sets/other/graph/x',
    'sets/20260101T000000Z-abcdef/../x',
    'sets//x',
  ]) {
    const [artifact] = manifest().artifacts;
    const hostile = { ...manifest(), artifacts: [{ ...artifact, path }] };
    assert.throws(() => parseManifest(JSON.stringify(hostile), 'm'), { type: 'ManifestInvalid' }, path);
  }
});

const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1000);
const record: Interruption = {
  volume: 'v',
  action: 'stop',
  service: 'graph',
  containerId: 'c',
  containerName: 'neo4j',
  workflowId: 'w',
  runId: 'r',
  at: at(0),
  stopBy: at(210),
};
const container = (more: Partial<Container>): Container =>
  ({ running: false, paused: false, startedAt: at(-1000), finishedAt: at(10), ...more }) as Container;

test('what Lifeboat stopped is told from what a person stopped', () => {
  assert.equal(isOurs(record, container({})), true, 'down since the record');
  assert.equal(isOurs(record, container({ running: true })), false, 'up');
  assert.equal(isOurs(record, container({ finishedAt: at(-60) })), false, 'down before the record');
  assert.equal(
    isOurs(record, container({ finishedAt: at(400) })),
    false,
    'down long after the stop can have ended',
  );
  assert.equal(
    isOurs(record, container({ startedAt: at(300), finishedAt: at(310) })),
    false,
    'started in between',
  );
  assert.equal(isOurs(record, container({ finishedAt: at(-29) })), true, 'by another clock');
  assert.equal(isOurs(record, container({ finishedAt: at(-31) })), false);
  assert.equal(isOurs({ ...record, action: 'pause' }, container({ running: true, paused: true })), true);
  const begun = { ...record, givingBack: true };
  assert.equal(
    isOurs(begun, container({ startedAt: at(300), finishedAt: at(310) })),
    true,
    'fell over again',
  );
  assert.equal(isOurs(begun, container({ running: true })), false);
});
