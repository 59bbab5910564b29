import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  channelsFor,
  MESSAGE_MAX,
  NOTIFICATION_KINDS,
  notificationsFor,
  type RunOutcome,
  redactNotification,
  redactText,
  sampleNotification,
  staleNotification,
} from '../../src/model/notification.ts';
import { checkTemplates, renderTemplate, templateProblems } from '../../src/model/notification-template.ts';

const run = (outcome: RunOutcome['outcome'], operation = 'backup'): RunOutcome => ({
  operation,
  outcome,
  services: ['graph'],
  finishedAt: '2026-01-02T03:04:05Z',
  failures: outcome === 'ok' ? [] : [{ service: 'graph', type: 'DumpFailed', message: 'The disk is full.' }],
});
const kinds = (previous: RunOutcome | null, current: RunOutcome) =>
  notificationsFor(previous, current).map((event) => event.kind);

describe('what people are told of a run', () => {
  it('is a recovery only for the first success after a run that was none', () => {
    assert.deepEqual(kinds(null, run('ok')), ['success']);
    assert.deepEqual(kinds(run('ok'), run('ok')), ['success']);
    assert.deepEqual(kinds(run('failed'), run('ok')), ['success', 'recovered']);
    assert.deepEqual(kinds(run('partial'), run('ok')), ['success', 'recovered']);
  });

  it('is the failure, each time, and a drill has its own', () => {
    assert.deepEqual(kinds(run('failed'), run('failed')), ['failure']);
    assert.deepEqual(kinds(run('ok'), run('partial')), ['partial']);
    assert.deepEqual(kinds(null, run('failed', 'drill')), ['drill-failed']);
  });

  it('does not say into which repositories a run copied: that only tells two runs apart', () => {
    const [event] = notificationsFor(null, { ...run('ok', 'replicate'), repositories: ['offsite'] });
    assert.ok(event && !('repositories' in event));
  });

  it('says in the message what failed', () => {
    const [event] = notificationsFor(null, run('failed'));
    assert.equal(event?.message, 'The backup of graph failed. graph: The disk is full.');
  });
});

describe('staleness', () => {
  const hour = 3_600_000;
  const ask = (now: number, previousCheckAt: number | null, lastGoodAt: number | null = 0) =>
    staleNotification({
      service: 'graph',
      lastGoodAt,
      limitMs: 26 * hour,
      remindMs: 24 * hour,
      now,
      previousCheckAt,
    });

  it('is told once when the limit is crossed and once a reminder span after', () => {
    let previous: number | null = null;
    const told: number[] = [];
    for (let now = 0; now <= 80 * hour; now += hour / 4) {
      if (ask(now, previous)) told.push(now / hour);
      previous = now;
    }
    assert.deepEqual(told, [26, 50, 74]);
  });

  it('is told at the first check when nothing is known of an earlier one, and when there is no set at all', () => {
    assert.match(ask(30 * hour, null)?.message ?? '', /30 hours old, and its objective is 26 hours/);
    assert.match(ask(1e12, null, null)?.message ?? '', /no good set of graph at all/);
    assert.equal(ask(25 * hour, null), null);
  });

  it('stops with a good set', () => {
    assert.equal(ask(60 * hour, 49 * hour, 59 * hour), null);
  });
});

describe('who is told', () => {
  it('goes by the kind and by the services', () => {
    const all = { on: NOTIFICATION_KINDS };
    const vectors = { on: NOTIFICATION_KINDS, services: ['vectors'] };
    const drills = { on: ['drill-failed'] as const };
    const event = { ...sampleNotification('failure'), services: ['graph'] };
    assert.deepEqual(channelsFor(event, [all, vectors, drills]), [all]);
  });
});

describe('redaction', () => {
  it('takes out what has the shape of a secret', () => {
    for (const [text, secret] of [
      ['age key AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0S2XQ7Q', 'QQQSYQ'],
      ['failed: https://user:hunter22@example.com/x', 'hunter22'],
      ['GET /x?X-Amz-Signature=abcdef0123456789&y=1', 'abcdef0123456789'],
      ['authorization: Bearer abcdefghij', 'abcdefghij'],
      ['{"password":"pa55word!"}', 'pa55word'],
      ['api-key=qwertyuiop', 'qwertyuiop'],
      ['key AKIAABCDEFGHIJKLMNOP here', 'AKIAABCDEFGHIJKLMNOP'],
    ] as const) {
      assert.ok(!redactText(text).includes(secret), redactText(text));
    }
  });

  it('takes out known secrets wherever they stand, and keeps the kind', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme-ascii' }), (secret) => {
        const event = {
          ...sampleNotification('failure'),
          message: `It said: ${secret}${secret}.`,
          failures: [{ service: 'graph', type: 'DumpFailed', message: `x${secret}` }],
        };
        const clean = redactNotification(event, [secret]);
        const text = JSON.stringify(clean).replaceAll('[secret]', '');
        assert.equal(clean.kind, 'failure');
        // What is part of the event's own words is no leak.
        const told = JSON.stringify(sampleNotification('failure'));
        if (!told.includes(secret)) assert.ok(!text.includes(JSON.stringify(secret).slice(1, -1)));
      }),
    );
  });

  it('bounds the length and takes out control characters', () => {
    const message = `a\u0000\u001b[31m\r${'x'.repeat(10_000)}`;
    const clean = redactNotification({ ...sampleNotification('stale'), message });
    assert.equal(clean.message.length, MESSAGE_MAX);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    assert.doesNotMatch(clean.message, /[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe('templates', () => {
  it('that are fine have no problems', () => {
    const template =
      '{"text":"{{title}}: {{message}}"{{#set}},"set":"{{set}}"{{/set}},"f":[{{#failures}}"{{service}}",{{/failures}}""]}';
    assert.deepEqual(templateProblems({ template, place: 'json' }), []);
    const value = JSON.parse(renderTemplate(template, sampleNotification('failure'), 'json'));
    assert.equal(value.text.split(': ')[0], 'backup of graph, vectors FAILED');
  });

  it('that do not render are found, with the place', () => {
    const found = checkTemplates([
      { path: ['notifications', 'a', 'body'], template: '{{#services}}x', place: 'text' },
      { path: ['notifications', 'b', 'body'], template: '{{mesage}}', place: 'text' },
      { path: ['notifications', 'c', 'body'], template: '{{> other}}', place: 'text' },
      { path: ['notifications', 'd', 'body'], template: '{"m":"{{{message}}}"}', place: 'json' },
      { path: ['notifications', 'e', 'body'], template: '{"m":{{bytes}}}', place: 'json' },
      { path: ['notifications', 'f', 'body'], template: '{{constructor.name}}', place: 'text' },
      { path: ['notifications', 'g', 'body'], template: '{{message', place: 'text' },
    ]);
    assert.deepEqual(
      found.map(({ path }) => path[1]),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
    );
    assert.match(found[1]?.problem ?? '', /\{\{mesage\}\} is not known; there are kind, title,/);
    assert.match(found[3]?.problem ?? '', /does not make JSON/);
  });

  it('with a list within itself is refused: each would double the text', () => {
    const deep = `${'{{#services}}'.repeat(60)}x${'{{/services}}'.repeat(60)}`;
    assert.match(
      templateProblems({ template: deep, place: 'text' }).join(),
      /\{\{#services\}\} stands within itself/,
    );
    const apart =
      '{{#services}}{{#failures}}{{type}}{{/failures}}{{/services}}{{#services}}{{.}}{{/services}}';
    assert.deepEqual(templateProblems({ template: apart, place: 'text' }), []);
  });

  it('can not split a header', () => {
    const event = { ...sampleNotification('failure'), message: 'a\r\nX-Evil: 1' };
    assert.equal(renderTemplate('{{message}}', event, 'header'), 'a X-Evil: 1');
    assert.equal(renderTemplate('ö {{{message}}}', event, 'header'), 'ö a X-Evil: 1');
  });
});
