import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rescueConfiguration } from '../../src/cli/rescue/configuration.ts';
import { keptLines } from '../../src/cli/rescue/kept-snapshots.ts';

const of = { kind: 'qdrant-restore', service: 'vectors', workflowId: 'restore/x', runId: 'r' } as const;
const kept = { restore: 'r', set: 's', at: '2026-11-23T11:00:00.000Z', aliases: [] };

test('a rescue says where what it has kept of Qdrant is, and how it is removed', () => {
  assert.deepEqual(keptLines([]), []);
  const node = 'http://127.0.0.1:6333';
  const lines = keptLines([
    { ...of, node, collection: 'notes', name: 'notes-1.snapshot', volume: 'lifeboat-debt-a', kept },
    { ...of, node, collection: 'places', name: '', volume: 'lifeboat-debt-b', kept },
  ]);
  assert.equal(lines.length, 4);
  assert.match(
    lines[1] ?? '',
    /notes: the snapshot notes-1\.snapshot on http:\/\/127\.0\.0\.1:6333, from 2026.*lifeboat-debt-a/,
  );
  assert.match(lines[2] ?? '', /places: where its aliases pointed.*lifeboat-debt-b/);
  assert.match(lines[3] ?? '', /DELETE \/collections\/.*docker volume rm/);
});

test('one address of Bolt is not taken for several containers', async () => {
  const containers = new Map([
    ['graph', 'neo4j-1'],
    ['other', 'neo4j-2'],
  ]);
  const flags = { repository: '/mnt/backups', bolt: 'bolt://127.0.0.1:7687' };
  await assert.rejects(
    rescueConfiguration(flags, { containers, urls: new Map(), left: [] }, {}),
    /--bolt is the address of one container/,
  );
});
