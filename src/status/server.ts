import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { StatusPageConfig } from '../config/status-page.ts';
import { type Listening, listen } from '../telemetry/listen.ts';
import { type Access, localAccess, tokenAccess } from './access.ts';
import { loginPage, statusPage } from './page/page.ts';
import { CONTENT_POLICY } from './page/style.ts';
import type { StatusSource } from './snapshot.ts';

/** The page is put together at most this often (milliseconds), however many ask. */
const RENDER_MS = 5000;

/** A login form is not longer than this (bytes). */
const FORM_MAX_BYTES = 4096;

const HEADERS = {
  'content-security-policy': CONTENT_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  vary: 'cookie, authorization, accept-encoding',
};

/**
 * Serve the status page: read only, from memory.
 * @throws {LifeboatError} `InvalidConfiguration` when it can not listen there.
 */
export async function serveStatusPage(
  config: Pick<StatusPageConfig, 'host' | 'port' | 'token' | 'secureCookie'>,
  source: StatusSource,
): Promise<Listening> {
  const access = config.token ? tokenAccess(config.token, config) : localAccess;
  const pages = renderedPages(source, access.guarded);
  return await listen('The status page', config, (request, response) => {
    answer(access, pages, request, response).catch(() => {
      if (!response.headersSent)
        response.writeHead(503, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' });
      response.end('The status is not known at this moment.\n');
    });
  });
}

async function answer(
  access: Access,
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const send = (status: number, type: string, body: string, more: Record<string, string> = {}) =>
    void response
      .writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8`, ...more })
      .end(body);
  if (request.method === 'POST') {
    if (pathname === '/login') return await login(access, request, response, send);
    if (pathname === '/logout')
      return send(303, 'text/plain', '', { location: './', 'set-cookie': access.logout() });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return send(405, 'text/plain', 'This page is read only.\n', { allow: 'GET, HEAD' });
  }
  if (!access.allows(request)) {
    if (!access.guarded) return send(421, 'text/plain', 'Ask for 127.0.0.1 or localhost.\n');
    const challenge = { 'www-authenticate': 'Bearer realm="lifeboat"' };
    if (pathname === '/status.json')
      return send(401, 'application/json', '{"error":"A token is needed."}\n', challenge);
    return send(401, 'text/html', loginPage(null), challenge);
  }
  if (pathname !== '/' && pathname !== '/status.json')
    return send(404, 'text/plain', 'There are / and /status.json.\n');
  const page = await pages();
  const part = pathname === '/' ? page.html : page.json;
  const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = zipped ? part.zipped : part.plain;
  response.writeHead(200, {
    ...HEADERS,
    'content-type': `${pathname === '/' ? 'text/html' : 'application/json'}; charset=utf-8`,
    'content-length': body.length,
    ...(zipped && { 'content-encoding': 'gzip' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function login(
  access: Access,
  request: IncomingMessage,
  response: ServerResponse,
  send: (status: number, type: string, body: string, more?: Record<string, string>) => void,
): Promise<void> {
  const form = await readForm(request);
  if (form === null) {
    response.shouldKeepAlive = false;
    return send(413, 'text/plain', 'That is too long for a token.\n');
  }
  const cookie = access.login(form.get('token') ?? '');
  if (cookie === 'later') {
    return send(429, 'text/html', loginPage('Too many wrong tokens; try again in a minute.'), {
      'retry-after': '60',
    });
  }
  if (cookie === null) return send(401, 'text/html', loginPage('That is not the token.'));
  send(303, 'text/plain', '', { location: './', 'set-cookie': cookie });
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  let text = '';
  for await (const part of request) {
    text += part;
    if (text.length > FORM_MAX_BYTES) return null;
  }
  return new URLSearchParams(text);
}

interface Rendered {
  html: { plain: Buffer; zipped: Buffer };
  json: { plain: Buffer; zipped: Buffer };
}
type Pages = () => Promise<Rendered>;

/** The page as bytes: whoever asks while it is being put together waits for the same one. */
function renderedPages(source: StatusSource, canLogOut: boolean): Pages {
  let rendered: Promise<Rendered> | undefined;
  let until = 0;
  return () => {
    if (!rendered || Date.now() >= until) {
      until = Date.now() + RENDER_MS;
      rendered = render(source, canLogOut);
      // A failure is not kept.
      rendered.catch(() => {
        until = 0;
      });
    }
    return rendered;
  };
}

async function render(source: StatusSource, canLogOut: boolean): Promise<Rendered> {
  const snapshot = await source.snapshot();
  const [page, json] = await Promise.all([
    compressed(statusPage(snapshot, new Date(), { canLogOut })),
    compressed(`${JSON.stringify(snapshot)}\n`),
  ]);
  return { html: page, json };
}

async function compressed(text: string): Promise<{ plain: Buffer; zipped: Buffer }> {
  const plain = Buffer.from(text);
  return { plain, zipped: await promisify(gzip)(plain) };
}
