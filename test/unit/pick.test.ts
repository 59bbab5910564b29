import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pick } from '../../src/activities/repository.ts';

const all = [{ name: 'graph' }, { name: 'vectors' }];

test('what is named twice is taken once, in the order of the names', () => {
  assert.deepEqual(pick('service', all, undefined), all);
  assert.deepEqual(pick('service', all, ['vectors', 'graph', 'vectors']), [all[1], all[0]]);
  const none = () => pick('repository', all, ['graph', 'none']);
  assert.throws(none, /"repositories" names "none".*graph, vectors/);
});
