import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildNotifications, notificationsSchema } from '../../src/config/notifications.ts';
import { type Problem, pathText, problemsOf } from '../../src/config/problems.ts';
import { Secret } from '../../src/config/secret.ts';
import type { SecretFiles } from '../../src/config/secret-files.ts';
import { buildStatusPage, statusPageSchema } from '../../src/config/status-page.ts';
import {
  buildObjectives,
  buildTelemetry,
  objectiveOf,
  objectivesSchema,
  telemetrySchema,
} from '../../src/config/telemetry.ts';

const HOUR = 3_600_000;
const secrets: SecretFiles = {
  problems: [],
  content: () => undefined,
  secret: (section, key) => {
    const value = (section as Record<string, unknown>)[key];
    return typeof value === 'string' ? new Secret(value) : undefined;
  },
};

describe('notifications in the file', () => {
  const build = (file: unknown) => {
    const problems: Problem[] = [];
    return { channels: buildNotifications(notificationsSchema.parse(file), secrets, problems), problems };
  };

  it('become channels with their defaults', () => {
    const { channels, problems } = build({
      chat: { kind: 'slack', url: 'https://chat.example.com/hook' },
      check: { kind: 'ping', url: 'https://ping.example.com/uuid', services: ['graph'] },
      mail: { kind: 'email', host: 'mail.example.com', security: 'tls', from: 'a@b.c', to: ['d@e.f'] },
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      channels.map(({ name, on }) => [name, on.length]),
      [
        ['chat', 5],
        ['check', 3],
        ['mail', 5],
      ],
    );
    assert.equal(channels[2]?.kind === 'email' && channels[2].port, 465);
  });

  it('are refused with the place: no URL, no http, a template that does not render', () => {
    const { problems } = build({
      a: { kind: 'slack' },
      b: { kind: 'ping', url: 'ftp://example.com' },
      c: { kind: 'webhook', url: 'http://127.0.0.1:1/x', body: '{"x":"{{mesage}}"}' },
      d: { kind: 'webhook', url: 'http://127.0.0.1:1/x', headers: { 'X-Y': '{{#set}}' } },
      e: { kind: 'email', host: 'h', from: 'a', to: ['b'], password: 'x' },
    });
    assert.deepEqual(
      problems.map(({ path }) => pathText(path)),
      [
        'notifications.a.url',
        'notifications.b.url',
        'notifications.e.username',
        'notifications.c.body',
        'notifications.d.headers.X-Y',
      ],
    );
  });

  it('names what is accepted', () => {
    const result = notificationsSchema.safeParse({ a: { kind: 'slack', urll: 'x', on: ['failures'] } });
    assert.match(
      problemsOf(result.error!.issues)
        .map((p) => `${pathText(p.path)}: ${p.message}`)
        .join('\n'),
      /did you mean "url"/,
    );
  });
});

describe('the status page in the file', () => {
  const problemsOfPage = (file: unknown) => {
    const problems: Problem[] = [];
    buildStatusPage(statusPageSchema.parse(file), secrets, problems);
    return problems.map(({ message }) => message).join();
  };

  it('is off and local by default, and needs a long token where others can reach it', () => {
    assert.deepEqual(buildStatusPage(statusPageSchema.parse({}), secrets, []), {
      enabled: false,
      host: '127.0.0.1',
      port: 8484,
      secureCookie: false,
    });
    assert.match(problemsOfPage({ enabled: true, host: '0.0.0.0' }), /reachable from other machines/);
    assert.match(problemsOfPage({ enabled: true, token: 'short' }), /at least 16 characters/);
    for (const host of ['127.0.0.1', '::1', 'localhost'])
      assert.equal(problemsOfPage({ enabled: true, host }), '');
    assert.equal(problemsOfPage({ enabled: true, host: '::', token: 'x'.repeat(16) }), '');
  });
});

describe('telemetry and objectives in the file', () => {
  it('have defaults', () => {
    const { port, refreshMs, enabled } = buildTelemetry(telemetrySchema.parse({}));
    assert.deepEqual({ port, refreshMs, enabled }, { port: 9464, refreshMs: 60_000, enabled: true });
    assert.equal(buildObjectives(objectivesSchema.parse({})).general.rpoMs, 26 * HOUR);
  });

  it('a service has its own objective, and the general one for the rest', () => {
    const objectives = buildObjectives(
      objectivesSchema.parse({ rpo: '6h', rto: '1h', services: { graph: { rpo: '2h' } } }),
    );
    assert.deepEqual(objectiveOf(objectives, 'graph'), { rpoMs: 2 * HOUR, rtoMs: HOUR });
    assert.deepEqual(objectiveOf(objectives, 'vectors'), { rpoMs: 6 * HOUR, rtoMs: HOUR });
  });
});
