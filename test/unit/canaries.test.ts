import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { canaries, formsOf } from '../workflows/canaries.ts';

test('a canary is found in every form', () => {
  const secrets = canaries();
  const codecKey = randomBytes(32);
  secrets.also('codec key', codecKey);
  const value = secrets.make('a canary', '/"\\%41&<é>');
  for (const [form, written] of formsOf(Buffer.from(value))) {
    // Those at an offset lack letters that only neighbours complete.
    if (form.includes('base64')) continue;
    assert.notDeepEqual(secrets.find('here', `before ${written} after`), [], form);
  }
  for (const lead of ['', 'x', 'xy', 'xyz']) {
    const encoded = Buffer.from(`${lead}${value} and more`);
    for (const form of ['base64', 'base64url', 'hex'] as const) {
      assert.notDeepEqual(secrets.find('here', encoded.toString(form)), [], `${form} after "${lead}"`);
    }
  }
  for (const form of ['base64', 'hex'] as const) {
    assert.notDeepEqual(secrets.find('here', `{"key":"${codecKey.toString(form)}"}`), [], form);
  }
  assert.deepEqual(secrets.find('here', 'nothing of them'), []);
});
