// needs: nothing
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lookForAdvisories } from '../../scripts/supply-chain-steps/advisories.ts';
import { lookAtLicenses } from '../../scripts/supply-chain-steps/licenses.ts';
import { productionPackages } from '../../scripts/supply-chain-steps/packages.ts';
import { type Policy, readPolicy } from '../../scripts/supply-chain-steps/policy.ts';

const POLICY = fileURLToPath(new URL('../../scripts/supply-chain.yaml', import.meta.url));

let project: string;

/** A project whose lock file has these packages at 1.0.0; `manifest` is what is installed of one. */
async function lock(packages: Record<string, { manifest?: object; [more: string]: unknown }>): Promise<void> {
  const entries = Object.entries(packages).map(([name, { manifest: _, ...more }]) => [
    `node_modules/${name}`,
    { version: '1.0.0', integrity: 'sha512-AAAA', ...more },
  ]);
  const dependencies = Object.fromEntries(Object.keys(packages).map((name) => [name, '1.0.0']));
  const own = { name: 'example', version: '1.0.0', dependencies };
  await writeFile(join(project, 'package.json'), JSON.stringify(own));
  await writeFile(
    join(project, 'package-lock.json'),
    JSON.stringify({ ...own, lockfileVersion: 3, packages: { '': own, ...Object.fromEntries(entries) } }),
  );
  await rm(join(project, 'node_modules'), { recursive: true, force: true });
  for (const [name, { manifest }] of Object.entries(packages)) {
    if (!manifest) continue;
    await mkdir(join(project, 'node_modules', name), { recursive: true });
    await writeFile(join(project, 'node_modules', name, 'package.json'), JSON.stringify(manifest));
  }
}

before(async () => {
  project = await mkdtemp(join(tmpdir(), 'lifeboat-supply-chain-'));
});
after(async () => {
  await rm(project, { recursive: true, force: true });
});

describe('licences', () => {
  const reason = 'because of this test';
  const look = async (licenses: Partial<Policy['licenses']> = {}) =>
    await lookAtLicenses(project, await productionPackages(project), {
      allowed: ['MIT', 'ISC', 'Apache-2.0'],
      exceptions: {},
      ...licenses,
    });

  it('are fine by name, as a choice, and all together', async () => {
    await lock({
      one: { license: 'MIT' },
      choice: { license: '(GPL-3.0-only OR ISC)' },
      both: { license: 'Apache-2.0 AND MIT' },
      old: { manifest: { licenses: [{ type: 'MIT', url: 'https://example.com' }] } },
      listed: { manifest: { licenses: [{ type: 'GPL-2.0-only' }, { type: 'ISC' }] } },
    });
    assert.deepEqual(await look(), { findings: [], looked: 5, elsewhere: [] });
  });

  it('that are not allowed, or not told, are findings by name', async () => {
    await lock({
      strict: { license: 'AGPL-3.0-only' },
      both: { license: 'MIT AND GPL-3.0-only' },
      vague: { license: 'SEE LICENSE IN LICENSE.txt' },
      silent: { manifest: {} },
      '@scope/silent': {},
    });
    const { findings } = await look();
    assert.equal(findings.length, 5);
    for (const words of [
      /^strict@1\.0\.0 has the licence "AGPL-3\.0-only", which is not allowed/,
      /^both@1\.0\.0/,
      /^vague@1\.0\.0/,
      /^silent@1\.0\.0 tells no licence/,
      /^@scope\/silent@1\.0\.0 tells no licence/,
    ]) {
      assert.ok(findings.some((finding) => words.test(finding)));
    }
  });

  it('can be accepted for one package, and for what it has alone', async () => {
    await lock({ data: { license: 'CC-BY-4.0' }, silent: {}, other: { license: 'CC-BY-4.0' } });
    const exceptions = {
      data: { license: 'CC-BY-4.0', reason },
      'silent@1.0.0': { license: 'MIT', reason },
    };
    assert.match((await look({ exceptions })).findings.join(), /^other@1\.0\.0 has[^@]*$/);
    await lock({ data: { license: 'AGPL-3.0-only' }, silent: { version: '1.0.1' } });
    assert.equal((await look({ exceptions })).findings.length, 3);
  });

  it('of packages that only development needs are not looked at, and those of other systems are named', async () => {
    await lock({
      tool: { license: 'GPL-3.0-only', dev: true },
      native: { optional: true },
      here: { optional: true, manifest: { license: 'GPL-3.0-only' } },
    });
    const { findings, elsewhere } = await look();
    assert.deepEqual(elsewhere, ['native@1.0.0']);
    assert.match(findings.join(), /^here@1\.0\.0[^@]*$/);
  });
});

describe('advisories', () => {
  let server: Server;
  let registry: string;
  /** What the registry's audit answers: a status, or advisories by package. */
  let answer: number | object;

  before(async () => {
    server = createServer(async (request, response) => {
      await text(request);
      if (request.url?.endsWith('/advisories/bulk') && typeof answer === 'object') {
        response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
      } else if (request.method === 'GET') {
        response.end(
          JSON.stringify({ name: 'weak', versions: { '1.0.0': { name: 'weak', version: '1.0.0' } } }),
        );
      } else {
        response.writeHead(typeof answer === 'number' ? answer : 404).end();
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await lock({ weak: { license: 'MIT' }, tool: { dev: true } });
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const advisory = {
    id: 1,
    url: 'https://example.com/advisories/GHSA-aaaa-bbbb-cccc',
    title: 'Runs what it is sent',
    severity: 'high',
    vulnerable_versions: '<2.0.0',
  };
  const look = async (advisories: Partial<Policy['advisories']> = {}) =>
    await lookForAdvisories(project, { severity: 'high', accepted: {}, ...advisories }, registry);

  it('are findings, which name the package and the advisory', async () => {
    answer = { weak: [advisory] };
    const { findings } = (await look()) as { findings: string[] };
    assert.deepEqual(findings, ['weak (<2.0.0): Runs what it is sent (GHSA-aaaa-bbbb-cccc, high).']);
    answer = {};
    assert.deepEqual(await look(), { asked: true, findings: [], notes: [] });
  });

  it('can be milder than what is asked for, or accepted until a day', async () => {
    answer = { weak: [advisory] };
    const none = { asked: true, findings: [], notes: [] };
    assert.deepEqual(await look({ severity: 'critical' }), none);
    const accepted = (until: string) => ({
      accepted: { 'GHSA-aaaa-bbbb-cccc': { until, reason: 'because of this test' } },
    });
    assert.deepEqual(await look(accepted('9999-12-31')), none);
    const late = (await look(accepted('2020-01-01'))) as { findings: string[] };
    assert.match(late.findings.join(), /It was accepted until 2020-01-01/);
    answer = {};
    const stale = (await look(accepted('9999-12-31'))) as { notes: string[] };
    assert.match(stale.notes.join(), /GHSA-aaaa-bbbb-cccc, which concerns no package any more/);
  });

  it('that can not be asked for are neither findings nor a clean bill', async () => {
    answer = 405;
    const refused = await look();
    assert.ok(!refused.asked);
    assert.match(refused.why, /405/);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    const gone = await look();
    assert.ok(!gone.asked);
    assert.match(gone.why, /ECONNREFUSED|refused/i);
  });
});

describe('the policy', () => {
  it('is one that can be read', async () => {
    assert.equal((await readPolicy(POLICY)).advisories.severity, 'high');
  });

  it('names what is wrong in it', async () => {
    const file = join(project, 'policy.yaml');
    await writeFile(
      file,
      'licenses: { allowed: [MIT], exceptions: { one: { license: MIT } } }\nadvisories: { severity: bad, accepted: {} }\n',
    );
    await assert.rejects(readPolicy(file), /advisories\.severity[\s\S]*licenses\.exceptions\.one\.reason/);
  });
});
