// needs: nothing
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../scripts/browser.ts';
import { SITUATIONS, type Situation, sampleSnapshot } from '../../scripts/screenshots-samples.ts';
import { Secret } from '../../src/config/secret.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import { serveStatusPage } from '../../src/status/server.ts';
import type { StatusSnapshot } from '../../src/status/snapshot.ts';
import type { Listening } from '../../src/telemetry/listen.ts';

const TOKEN = 'canary-token-of-the-status-page';
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A server for a snapshot that counts how often it was asked for one. */
async function serve(snapshot: StatusSnapshot, token?: string): Promise<Listening & { asked: () => number }> {
  let asked = 0;
  const server = await serveStatusPage(
    { host: '127.0.0.1', port: 0, secureCookie: false, ...(token && { token: new Secret(token) }) },
    {
      snapshot: async () => {
        asked += 1;
        return snapshot;
      },
    },
  );
  return { ...server, asked: () => asked };
}

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent()) ?? '';

describe('the status page in a browser', () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());

  async function visit(
    url: string,
    options: { colorScheme?: 'light' | 'dark'; width?: number; javaScript?: boolean } = {},
  ): Promise<{ page: Page; troubles: string[]; asked: string[] }> {
    const context = await browser.newContext({
      colorScheme: options.colorScheme ?? 'light',
      viewport: { width: options.width ?? 1200, height: 800 },
      javaScriptEnabled: options.javaScript ?? false,
    });
    const page = await context.newPage();
    const troubles: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => {
      if (message.type() !== 'info') troubles.push(message.text());
    });
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(url);
    return { page, troubles, asked };
  }

  for (const situation of SITUATIONS) {
    it(`is shown without JavaScript and without asking anybody else: ${situation}`, async () => {
      const server = await serve(await sampleSnapshot(situation));
      const { page, troubles, asked } = await visit(server.url);
      const words: Record<Situation, RegExp> = {
        healthy: /Everything is backed up/,
        stale: /graph and vectors are not safe/,
        'failed-drill': /The restore drill of graph and vectors failed/,
        blind: /Everything is backed up/,
        empty: /graph and vectors are not safe/,
      };
      assert.match(await textOf(page, 'h1'), words[situation]);
      assert.equal(await page.locator('section.card').count(), 6);
      assert.deepEqual(troubles, []);
      assert.deepEqual(
        asked.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')),
        [],
      );
      await page.context().close();
      await server.close();
    });
  }

  it('says what it does not know', async () => {
    const server = await serve(await sampleSnapshot('blind'));
    const { page } = await visit(server.url);
    const text = await textOf(page, 'main');
    assert.match(text, /Temporal could not be asked.*Runs that failed are missing from the calendars/);
    assert.match(
      text,
      /The repository offsite can not be read now: what is shown of it is from 5h( \d+s)? ago/,
    );
    await page.context().close();
    await server.close();
  });

  it('links runs and sets to the Temporal UI', async () => {
    const server = await serve(await sampleSnapshot('healthy'));
    const { page } = await visit(server.url);
    const links = await page.locator('#runs a').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
    assert.match(
      links[1] ?? '',
      /^http:\/\/127\.0\.0\.1:8233\/namespaces\/default\/workflows\/backup\/run-0\/history$/,
    );
    await page.context().close();
    await server.close();
  });

  it('is dark where that is preferred', async () => {
    const server = await serve(await sampleSnapshot('healthy'));
    const colours: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await visit(server.url, { colorScheme });
      colours.push(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
      await page.context().close();
    }
    assert.deepEqual(colours, ['rgb(243, 246, 248)', 'rgb(12, 20, 27)']);
    await server.close();
  });

  it('fits a phone: nothing but tables is wider than the screen', async () => {
    const server = await serve(await sampleSnapshot('stale'));
    const { page } = await visit(server.url, { width: 360 });
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
    await page.context().close();
    await server.close();
  });

  it('can be used by everybody: no finding of axe, light and dark', async () => {
    for (const situation of ['stale', 'failed-drill', 'blind'] as const) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const server = await serve(await sampleSnapshot(situation));
        const { page } = await visit(server.url, { colorScheme, javaScript: true });
        for (const summary of await page.locator('summary').all()) await summary.click();
        const findings = await page
          .evaluate(async (source) => {
            // The page's policy lets no script in; the debugger may.
            new Function(source)();
            const run = (globalThis as unknown as { axe: { run(): Promise<{ violations: unknown[] }> } }).axe;
            const { violations } = (await run.run()) as {
              violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
            };
            return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
          }, axe)
          .catch((error: Error) => [error.message]);
        assert.deepEqual(findings, [], `${situation} ${colorScheme}`);
        await page.context().close();
        await server.close();
      }
    }
  });

  it('asks for its token, takes it once, and forgets it when told to', async () => {
    const server = await serve(await sampleSnapshot('healthy'), TOKEN);
    const { page, troubles } = await visit(server.url);
    assert.equal(await textOf(page, 'h1'), 'Lifeboat');
    await page.fill('#token', 'wrong');
    await page.click('button');
    assert.match(await textOf(page, '[role=alert]'), /not the token/);
    await page.fill('#token', TOKEN);
    await page.click('button');
    assert.equal(await textOf(page, 'h1'), 'Everything is backed up');
    const cookies = await page.context().cookies();
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })),
      [{ httpOnly: true, sameSite: 'Strict' }],
    );
    assert.ok(!JSON.stringify(cookies).includes(TOKEN));
    await page.reload();
    assert.equal(await textOf(page, 'h1'), 'Everything is backed up');
    await page.click('text=Log out');
    assert.equal(await textOf(page, 'h1'), 'Lifeboat');
    // The browser itself remarks on the two answers with status 401.
    assert.deepEqual(
      troubles.filter((text) => !text.includes('401')),
      [],
    );
    await page.context().close();
    await server.close();
  });
});

describe('the status page over HTTP', () => {
  it('shows nothing without its token, and only that it is read only to those who want to write', async () => {
    const server = await serve(await sampleSnapshot('healthy'), TOKEN);
    const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(`${server.url}${path}`, { headers, method, redirect: 'manual' });
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: `Basic ${TOKEN}` },
      { cookie: 'lifeboat_status=99999999999999.forged' },
      { cookie: `lifeboat_status=${TOKEN}` },
    ]) {
      const answers = await Promise.all(
        ['/', '/status.json', '/nothing'].map((path) => ask(path, headers as Record<string, string>)),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        [401, 401, 401],
      );
      for (const answer of answers) assert.doesNotMatch(await answer.text(), /graph|vectors/);
    }
    const right = await ask('/status.json', { authorization: `Bearer ${TOKEN}` });
    assert.equal(((await right.json()) as StatusSnapshot).services.length, 2);
    assert.equal((await ask('/', { authorization: `Bearer ${TOKEN}` }, 'DELETE')).status, 405);
    assert.equal((await ask('/nothing', { authorization: `Bearer ${TOKEN}` })).status, 404);
    await server.close();
  });

  it('stops looking at tokens after many wrong ones, also at right ones', async () => {
    const server = await serve(await sampleSnapshot('empty'), TOKEN);
    const login = (token: string) =>
      fetch(`${server.url}/login`, {
        method: 'POST',
        body: new URLSearchParams({ token }),
        redirect: 'manual',
      });
    // The count begins anew with each minute, so one that begins amidst the tries is given a second chance.
    const statuses = new Set<number>();
    for (let tries = 0; tries < 70; tries += 1) statuses.add((await login('wrong')).status);
    assert.deepEqual([...statuses].sort(), [401, 429]);
    assert.equal((await login('x'.repeat(10_000))).status, 413);
    await server.close();
  });

  it('has a strict content policy and forbids to be framed or kept', async () => {
    const server = await serve(await sampleSnapshot('empty'));
    const { headers } = await fetch(server.url);
    assert.match(
      headers.get('content-security-policy') ?? '',
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:;.*frame-ancestors 'none'/,
    );
    assert.equal(headers.get('cache-control'), 'no-store');
    await server.close();
  });

  it('without a token answers only to names of this machine, so that a foreign page can not read along', async () => {
    const { request } = await import('undici');
    const server = await serve(await sampleSnapshot('empty'));
    const status = async (host: string) =>
      (await request(server.url, { headers: { host }, reset: true })).statusCode;
    assert.equal(await status('evil.example.com'), 421);
    assert.equal(await status('localhost:1234'), 200);
    await server.close();
  });

  it('escapes what services, sets and errors are called', async () => {
    const snapshot = await sampleSnapshot('blind');
    const evil = '<script>alert(1)</script>"\'';
    snapshot.services[0]!.name = evil;
    snapshot.repositories[1]!.error = evil;
    snapshot.services[0]!.lastGood!.set = evil;
    const server = await serve(snapshot);
    const text = await (await fetch(server.url)).text();
    assert.doesNotMatch(text, /<script/);
    assert.match(text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;/);
    await server.close();
  });

  it('answers thousands of requests at once from one snapshot', async () => {
    const { Agent, request } = await import('undici');
    const server = await serve(await sampleSnapshot('healthy'));
    const agent = new Agent({ connections: 100 });
    const answers = await Promise.all(
      Array.from({ length: 3000 }, async () => {
        const { statusCode, body } = await request(server.url, {
          dispatcher: agent,
          headers: { 'accept-encoding': 'gzip' },
        });
        await body.dump();
        return statusCode;
      }),
    );
    assert.ok(answers.every((status) => status === 200));
    // Put together again only after some seconds, never once a request.
    assert.ok(server.asked() <= 20, `asked ${server.asked()} times`);
    await agent.close();
    await server.close();
  });

  it('answers 503 when nothing is known, and goes on', async () => {
    let known = false;
    const snapshot = await sampleSnapshot('empty');
    const server = await serveStatusPage(
      { host: '127.0.0.1', port: 0, secureCookie: false },
      {
        snapshot: async () => {
          if (!known) throw new Error('Nothing is known yet.');
          return snapshot;
        },
      },
    );
    assert.equal((await fetch(server.url)).status, 503);
    known = true;
    assert.equal((await fetch(server.url)).status, 200);
    await server.close();
  });

  it('says in words that its port is taken', async () => {
    const snapshot = await sampleSnapshot('empty');
    const first = await serve(snapshot);
    const again = serveStatusPage(
      { host: '127.0.0.1', port: first.port, secureCookie: false },
      { snapshot: async () => snapshot },
    );
    await assert.rejects(
      again,
      (error) =>
        error instanceof LifeboatError && /^The status page can not listen: port/.test(error.message),
    );
    await first.close();
  });
});
