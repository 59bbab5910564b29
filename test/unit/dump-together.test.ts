import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpsTogether } from '../../src/model/dump-together.ts';

const MIB = 1024 * 1024;

test('a database and `system` are dumped by one command, whatever their logs come to', () => {
  assert.equal(dumpsTogether({ neo4j: 5000 * MIB, system: 600 * MIB }), true);
});

test('several databases are, while all but the largest are small together', () => {
  assert.equal(dumpsTogether({ graph: 5000 * MIB, notes: 60 * MIB, tags: 60 * MIB, system: MIB }), true);
  assert.equal(dumpsTogether({ graph: 5000 * MIB, notes: 80 * MIB, tags: 80 * MIB, system: MIB }), false);
  assert.equal(dumpsTogether({ graph: 5000 * MIB, notes: 5000 * MIB }), false);
});

test('one alone has nothing to share a command with', () => {
  assert.equal(dumpsTogether({ neo4j: MIB }), false);
  assert.equal(dumpsTogether({ system: MIB }), false);
});
