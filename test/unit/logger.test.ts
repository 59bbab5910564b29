import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret } from '../../src/config/secret.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  const destination = {
    write(line: string) {
      text += line;
    },
  };
  write(createLogger('info', { destination, secrets: () => ['canary-known'] }));
  return text;
}

describe('log lines', () => {
  it('are one JSON object each, with a level in words and a time', () => {
    const line = JSON.parse(logged((log) => log.info({ set: 's' }, 'The set is there.')));
    assert.equal(line.level, 'info');
    assert.equal(line.set, 's');
    assert.equal(line.msg, 'The set is there.');
    assert.ok(!Number.isNaN(Date.parse(line.time)));
  });

  it('hold no secret: in messages, fields, nested fields, children and errors', () => {
    const text = logged((log) => {
      log.info('it said canary-known');
      log.info('it said %s', 'canary-known');
      log.info({ a: { b: ['canary-known'] }, password: 'canary-x', key: new Secret('canary-y') }, 'x');
      log.warn({ url: 'https://me:canary-z@example.com/?token=canary-t' });
      log.child({ note: 'canary-known' }).error(new Error('failed: canary-known'));
      log.error({ err: new Error('outer', { cause: new Error('password=canary-inner') }) }, 'x');
    });
    assert.equal(text.trim().split('\n').length, 6);
    assert.doesNotMatch(text, /canary/);
    assert.match(text, /failed: \[secret\]/);
  });
});
