// needs: nothing
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Secret } from '../../src/config/secret.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import type { Listening } from '../../src/telemetry/listen.ts';
import { serveCodec } from '../../src/temporal/codec-server.ts';

const ORIGIN = 'http://127.0.0.1:8233';
const TOKEN = randomBytes(16).toString('hex');
const keys = [{ name: 'a', key: new Secret(randomBytes(32).toString('base64')) }];
const use = { encrypts: true, keys: () => keys };

let server: Listening;
let guarded: Listening;
before(async () => {
  const at = { host: '127.0.0.1', port: 0, origins: [ORIGIN] };
  server = await serveCodec(at, use);
  guarded = await serveCodec({ ...at, token: new Secret(TOKEN) }, use);
});
after(() => Promise.all([server.close(), guarded.close()]));

const JSON_TYPE = { 'content-type': 'application/json' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PLAIN = { metadata: { encoding: base64('json/plain') }, data: base64('{"service":"graph"}') };

async function post(path: string, body: unknown, headers: Record<string, string> = {}, to = server) {
  const response = await fetch(to.url + path, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('the codec server', () => {
  test('encrypts and decrypts what the Temporal UI and CLI post', async () => {
    const sealed = await post('/encode', { payloads: [PLAIN, PLAIN] });
    assert.equal(sealed.status, 200);
    const { payloads } = JSON.parse(sealed.text) as { payloads: (typeof PLAIN)[] };
    assert.equal(
      Buffer.from(payloads[0]?.metadata.encoding ?? '', 'base64').toString(),
      'binary/lifeboat-aes-256-gcm',
    );
    assert.ok(!sealed.text.includes(PLAIN.data));
    assert.equal((await post('/decode', {})).text, '{"payloads":[]}');
    const opened = await post('/decode', { payloads: [...payloads, PLAIN, { metadata: null }] });
    assert.deepEqual(JSON.parse(opened.text).payloads, [PLAIN, PLAIN, PLAIN, { metadata: {}, data: '' }]);
  });

  test('answers the page of the Temporal UI, and refuses every other', async () => {
    const asked = await fetch(`${server.url}/decode`, {
      method: 'OPTIONS',
      headers: { origin: ORIGIN, 'access-control-request-headers': 'content-type,x-namespace' },
    });
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get('access-control-allow-origin'), ORIGIN);
    assert.match(asked.headers.get('access-control-allow-headers') ?? '', /x-namespace/);
    const known = await post('/decode', { payloads: [] }, { origin: ORIGIN });
    assert.equal(known.headers.get('access-control-allow-origin'), ORIGIN);
    for (const origin of [
      'http://evil.example.com',
      'null',
      'http://127.0.0.1:82330',
      'https://127.0.0.1:8233',
    ]) {
      const refused = await post('/decode', { payloads: [PLAIN] }, { origin });
      assert.equal(refused.status, 403, origin);
      assert.equal(refused.headers.get('access-control-allow-origin'), null);
    }
  });

  test('without a token answers only who asks for this machine by its name', async () => {
    const { port } = server;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...JSON_TYPE, host: `rebound.example.com:${port}` };
      request({ host: '127.0.0.1', port, method: 'POST', path: '/decode', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end('{"payloads":[]}');
    });
    assert.equal(status, 421);
  });

  test('with a token answers nobody without it', async () => {
    assert.equal((await post('/decode', { payloads: [PLAIN] }, {}, guarded)).status, 401);
    const wrong = { authorization: `Bearer ${TOKEN}x` };
    assert.equal((await post('/decode', { payloads: [PLAIN] }, wrong, guarded)).status, 401);
    const right = await post('/decode', { payloads: [PLAIN] }, { authorization: `Bearer ${TOKEN}` }, guarded);
    assert.equal(right.status, 200);
  });

  test('says what is wrong with a request', async () => {
    const statuses: [number, Promise<{ status: number; text: string }>][] = [
      [404, post('/', {})],
      [400, post('/decode', '{')],
      [400, post('/decode', { payloads: [{ data: 1 }] })],
      [415, post('/decode', { payloads: [] }, { 'content-type': 'text/plain' })],
      [413, post('/decode', 'x'.repeat(17 * 1024 * 1024))],
    ];
    for (const [expected, answer] of statuses) assert.equal((await answer).status, expected);
    assert.equal((await fetch(`${server.url}/decode`)).status, 405);
    const metadata = { encoding: base64('binary/lifeboat-aes-256-gcm'), 'lifeboat-key': base64('gone') };
    const missing = await post('/decode', { payloads: [{ metadata, data: base64('?') }] });
    assert.equal(missing.status, 400);
    assert.match(missing.text, /the key "gone", and this configuration has "a"/);
  });

  test('says so when its port is taken', async () => {
    const taken = { host: '127.0.0.1', port: server.port, origins: [] };
    await assert.rejects(serveCodec(taken, use), (error) => {
      assert.ok(error instanceof LifeboatError);
      assert.match(error.message, /The codec server can not listen: port \d+/);
      return true;
    });
  });
});
