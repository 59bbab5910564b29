// needs: nothing
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import { sendNotification } from '../../src/adapters/notifications/send.ts';
import { defaultKinds, type NotificationChannel } from '../../src/config/notifications.ts';
import { Secret } from '../../src/config/secret.ts';
import { type FailureType, LifeboatError } from '../../src/model/failures.ts';
import {
  NOTIFICATION_KINDS,
  notificationsFor,
  type RunOutcome,
  sampleNotification,
} from '../../src/model/notification.ts';

interface Received {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** An HTTP receiver that answers by the path: `/status/503` with 503, `/slow` never. */
function receiver() {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/slow')) return;
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ method: request.method ?? '', path, headers: request.headers, body });
    const status = Number(/^\/status\/(\d+)/.exec(path)?.[1] ?? 200);
    response.writeHead(status, status === 302 ? { location: '/elsewhere-secret' } : {});
    response.end('ok');
  });
  return { server, received };
}

const base = { name: 'ops', on: NOTIFICATION_KINDS, timeoutMs: 5000 };
const outcome = (how: RunOutcome['outcome']): RunOutcome => ({
  operation: 'backup',
  outcome: how,
  services: ['graph', 'vectors'],
  workflowId: 'backup',
  runId: '0190b2a4-0000-7000-8000-000000000000',
  set: '20260102T030000Z-a1b2c3',
  finishedAt: '2026-01-02T03:04:05.000Z',
  failures:
    how === 'ok' ? [] : [{ service: 'vectors', type: 'QdrantFailed', message: 'a <b> & "c"\nsecond line' }],
});
const [failure] = notificationsFor(null, outcome('failed'));
const [success, recovered] = notificationsFor(outcome('failed'), outcome('ok'));
assert.ok(failure && success && recovered);

async function refusal(
  channel: NotificationChannel,
  type: FailureType = 'NotificationFailed',
): Promise<LifeboatError> {
  const error = await sendNotification(channel, failure!).then(
    () => assert.fail('it was sent'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof LifeboatError, String(error));
  assert.equal(error.type, type);
  return error;
}

describe('notifications over HTTP', () => {
  const { server, received } = receiver();
  let origin = '';
  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const told = async (channel: NotificationChannel, event = failure): Promise<Received> => {
    received.length = 0;
    await sendNotification(channel, event!);
    assert.equal(received.length, 1);
    return received[0]!;
  };

  it('webhook: sends every kind as JSON when there is no template', async () => {
    const channel: NotificationChannel = {
      ...base,
      kind: 'webhook',
      url: new Secret(`${origin}/hook`),
      method: 'POST',
      contentType: 'application/json',
      headers: {},
    };
    for (const kind of NOTIFICATION_KINDS) {
      const { method, headers, body } = await told(channel, sampleNotification(kind));
      assert.equal(method, 'POST');
      assert.equal(headers['content-type'], 'application/json');
      assert.equal(JSON.parse(body).kind, kind);
    }
  });

  it('webhook: fills in templates of the body and of headers', async () => {
    const { method, headers, body } = await told({
      ...base,
      kind: 'webhook',
      url: new Secret(`${origin}/hook`),
      method: 'PUT',
      contentType: 'application/vnd.api+json',
      headers: {
        'X-Kind': new Secret('lifeboat {{kind}}'),
        Authorization: new Secret('Bearer canary-token'),
      },
      body: '{"what":"{{title}}","why":"{{#failures}}{{message}}{{/failures}}"}',
    });
    assert.equal(method, 'PUT');
    assert.equal(headers['x-kind'], 'lifeboat failure');
    assert.equal(headers.authorization, 'Bearer canary-token');
    assert.deepEqual(JSON.parse(body), {
      what: 'backup of graph, vectors FAILED',
      why: 'a <b> & "c"\nsecond line',
    });
  });

  it('slack: sends text with an attachment, and escapes what Slack would read as markup', async () => {
    const channel: NotificationChannel = {
      ...base,
      kind: 'slack',
      url: new Secret(`${origin}/services/T/B/x`),
    };
    const value = JSON.parse((await told(channel)).body);
    assert.equal(value.text, '*backup of graph, vectors FAILED*');
    assert.match(value.attachments[0].text, /a &lt;b&gt; &amp; "c"/);
    assert.match(JSON.parse((await told(channel, recovered)).body).text, /works again/);
    assert.match(JSON.parse((await told(channel, success)).body).text, /done/);
  });

  it('ntfy: publishes JSON at the root with the token, trouble with a high priority', async () => {
    const channel: NotificationChannel = {
      ...base,
      kind: 'ntfy',
      server: origin,
      topic: new Secret('canary-topic'),
      token: new Secret('tk_canary'),
    };
    const { path, headers, body } = await told(channel);
    assert.equal(path, '/');
    assert.equal(headers.authorization, 'Bearer tk_canary');
    const message = JSON.parse(body);
    assert.equal(message.topic, 'canary-topic');
    assert.equal(message.priority, 4);
    assert.equal(JSON.parse((await told(channel, recovered)).body).priority, 3);
  });

  it('ping: asks /fail or the URL itself, and joins them by the run', async () => {
    const channel: NotificationChannel = {
      ...base,
      on: defaultKinds('ping'),
      kind: 'ping',
      url: new Secret(`${origin}/ping/uuid?create=1`),
    };
    const rid = `create=1&rid=${success.runId}`;
    assert.equal((await told(channel, success)).path, `/ping/uuid?${rid}`);
    assert.equal((await told(channel, failure)).path, `/ping/uuid/fail?${rid}`);
  });

  it('holds no secret: neither of the channel, nor of the configuration, nor one in a message', async () => {
    const channel: NotificationChannel = {
      ...base,
      kind: 'slack',
      url: new Secret(`${origin}/services/canary-hook`),
    };
    const message = `POST ${origin}/services/canary-hook with password=canary-1 and canary-2 failed`;
    received.length = 0;
    await sendNotification(channel, { ...failure, message }, { secrets: ['canary-2'] });
    assert.doesNotMatch(received[0]?.body ?? 'canary', /canary/);
  });

  it('says which channel failed, and never where it is', async () => {
    for (const [status, words] of [
      [302, /redirects are not followed/],
      [401, /answered 401; check its credentials/],
      [403, /answered 403; check its credentials/],
      [404, /was the hook removed/],
      [429, /asked too often/],
      [500, /the trouble is at its end/],
    ] as const) {
      const url = new Secret(`${origin}/status/${status}/canary-path?token=canary`);
      const refused = status === 401 || status === 403;
      const error = await refusal(
        { ...base, kind: 'ping', url },
        refused ? 'NotificationRefused' : 'NotificationFailed',
      );
      assert.equal(error.retryable, !refused);
      assert.match(error.message, words);
      assert.match(error.message, /The ping channel "ops" could not be told/);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error.details)}`, /canary|elsewhere/);
    }
  });

  it('gives a slow receiver up after its time, and at once when told to stop', async () => {
    const channel: NotificationChannel = { ...base, kind: 'slack', url: new Secret(`${origin}/slow/canary`) };
    assert.match((await refusal({ ...channel, timeoutMs: 50 })).message, /no answer within 0\.05 s/);
    const stop = new AbortController();
    const sending = sendNotification(channel, failure, { signal: stop.signal });
    stop.abort(new Error('the worker stops'));
    await assert.rejects(sending, /the worker stops/);
  });

  it('says that nothing listens', async () => {
    const closed = createTcpServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((done) => closed.close(done));
    const error = await refusal({
      ...base,
      kind: 'slack',
      url: new Secret(`http://127.0.0.1:${port}/canary`),
    });
    assert.match(error.message, /nothing listens at its address/);
  });
});

describe('notifications by e-mail', () => {
  const mails: { to: string[]; raw: string; user: string | undefined }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      if (password === 'right-password') done(null, { user: username ?? '' });
      else if (password === 'not-now') done(Object.assign(new Error('Not now'), { responseCode: 454 }));
      else done(new Error(`No: ${password}`));
    },
    onRcptTo({ address }, _session, done) {
      done(address.startsWith('nobody') ? new Error('No such mailbox') : undefined);
    },
    onData(stream, session, done) {
      let raw = '';
      stream.on('data', (chunk) => {
        raw += chunk;
      });
      stream.on('end', () => {
        mails.push({ to: session.envelope.rcptTo.map((to) => to.address), raw, user: session.user });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  let port = 0;
  before(async () => {
    const listening = server.listen(0, '127.0.0.1') as unknown as Server;
    await once(listening, 'listening');
    port = (listening.address() as AddressInfo).port;
  });
  after(() => server.close());
  const mail = (more: Partial<NotificationChannel & { kind: 'email' }> = {}): NotificationChannel => ({
    ...base,
    kind: 'email',
    host: '127.0.0.1',
    port,
    security: 'none',
    from: 'Lifeboat <lifeboat@example.com>',
    to: ['ops@example.com', 'second@example.com'],
    ...more,
  });

  it('arrives, with who sent it, what it is about and all facts', async () => {
    for (const event of [failure, success, recovered]) {
      mails.length = 0;
      await sendNotification(mail({ username: 'me', password: new Secret('right-password') }), event!);
      assert.deepEqual(mails[0]?.to, ['ops@example.com', 'second@example.com']);
      assert.equal(mails[0]?.user, 'me');
      const parsed = await simpleParser(mails[0]?.raw ?? '');
      assert.equal(parsed.headers.get('x-lifeboat-kind'), event!.kind);
      assert.match(parsed.subject ?? '', /^\[lifeboat\] backup of graph, vectors /);
      assert.match(parsed.text ?? '', /Set: 20260102T030000Z-a1b2c3/);
    }
  });

  it('says that the server refused the password, without it', async () => {
    const channel = mail({ username: 'me', password: new Secret('canary-password') });
    const error = await refusal(channel, 'NotificationRefused');
    assert.match(error.message, /refused the user name or password/);
    assert.doesNotMatch(`${error.stack}`, /canary/);
  });

  it('is tried again when the server can not tell now', async () => {
    const channel = mail({ username: 'me', password: new Secret('not-now') });
    assert.ok((await refusal(channel)).retryable);
  });

  it('says what else the server refused', async () => {
    assert.match((await refusal(mail({ to: ['nobody@example.com'] }))).message, /No such mailbox/);
  });

  it('does not send to a server whose certificate is not trusted', async () => {
    mails.length = 0;
    assert.match((await refusal(mail({ security: 'starttls' }))).message, /certificate/);
    assert.equal(mails.length, 0);
  });

  it('gives a server up that accepts and says nothing', async () => {
    const silent = createTcpServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const sockets: { destroy(): void }[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    const error = await refusal(mail({ port: (silent.address() as AddressInfo).port, timeoutMs: 100 }));
    assert.match(error.message, /no answer within 0\.1 s|Greeting never received/);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});
