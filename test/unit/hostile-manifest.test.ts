import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { at } from '../../src/adapters/qdrant/path.ts';
import { openTerminal, table } from '../../src/cli/terminal.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import { compareGraphRange } from '../../src/model/graph-comparison.ts';
import { type Manifest, parseManifest } from '../../src/model/manifest.ts';
import { whyNotParsed } from '../../src/model/modest-json.ts';
import { printable } from '../../src/model/printable.ts';
import { html } from '../../src/status/page/html.ts';
import { setFacts } from '../../src/status/set-facts.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';

const SET = '20261101T030000Z-aaaaaa';
const sample = (): Manifest => sampleManifest(SET, new Date('2026-11-01T03:00:00Z'));

/** Everything that a terminal may take as an order. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
const ORDERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
/** Clears the screen, names the window, and writes backwards. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\u202egnp.exe';

/** A sample whose first dump, graph or collection is changed. */
const withDump = (change: object): unknown => {
  const manifest = sample();
  return {
    ...manifest,
    artifacts: manifest.artifacts.map((one, at) => (at === 0 ? { ...one, ...change } : one)),
  };
};
const withGraph = (change: object): unknown => {
  const manifest = sample();
  return {
    ...manifest,
    services: manifest.services.map((one, at) => (at === 0 ? { ...one, ...change } : one)),
  };
};
const withCollection = (change: object): unknown => {
  const manifest = sample();
  return {
    ...manifest,
    services: manifest.services.map((one) =>
      one.kind === 'qdrant' ? { ...one, collections: [{ ...one.collections[0], ...change }] } : one,
    ),
  };
};

const HOSTILE: [what: string, manifest: unknown][] = [
  ...[
    '../../../../etc/cron.d/x',
    '/etc/passwd',
    'a/b',
    '..',
    '.',
    '--from-path=/',
    '-rf',
    '@/etc/passwd',
    'neo4j; reboot',
    '$(reboot)',
    '`reboot`',
    'neo4j\nsystem',
    'neo4j dump',
    '',
    'x'.repeat(256),
  ].map((name): [string, unknown] => [`a database called ${JSON.stringify(name)}`, withDump({ name })]),
  ...['..', '.', '', 'a\0b', 'a\ud800b', 'x'.repeat(5000)].map((name): [string, unknown] => [
    `a collection called ${JSON.stringify(name)}`,
    withCollection({ name }),
  ]),
  ['an alias that is a way', withCollection({ aliases: ['..'] })],
  ...[
    '../x',
    '/x',
    `sets/${SET}/../../x`,
    `sets/${SET}/./x`,
    'sets/20260101T000000Z-bbbbbb/graph/x',
    'lifeboat.json',
  ].map((path): [string, unknown] => [`an artifact in ${path}`, withDump({ path })]),
  ...[-1, 1.5, 1e300, '12', null, Number.NaN].map((bytes): [string, unknown] => [
    `a size of ${bytes}`,
    withDump({ stored: { bytes, sha256: 'a'.repeat(64) } }),
  ]),
  ['seconds without end', withGraph({ offlineSeconds: 1e308 })],
  ['negative seconds', withGraph({ offlineSeconds: -1 })],
  ['a service that leaves its folder', withGraph({ name: '../graph' })],
  ['a time that is none', { ...sample(), createdAt: '2026-02-30T00:00:00Z' }],
  ['a time without end', { ...sample(), createdAt: `2026-02-01T00:00:00.${'0'.repeat(1000)}Z` }],
  ['another set', { ...sample(), set: '../x' }],
  ['a checksum that is none', withDump({ content: { bytes: 1, sha256: `${'a'.repeat(63)}\n` } })],
  ['one artifact twice', { ...sample(), artifacts: [sample().artifacts[0], sample().artifacts[0]] }],
  ['one service twice', { ...sample(), services: [sample().services[0], sample().services[0]] }],
  ['more services than any', { ...sample(), services: Array(1001).fill(sample().services[0]) }],
  ['orders where names belong', withGraph({ name: EVIL })],
  ['orders as the names of fields', withGraph({ facts: { [EVIL]: 1 } })],
];

describe('a manifest of somebody who means harm', () => {
  for (const [what, manifest] of HOSTILE) {
    it(`with ${what} is refused in a sentence`, () => {
      const error = refusalOf(JSON.stringify(manifest));
      assert.equal(error.type, 'ManifestInvalid');
      assert.ok(error.message.length < 1000, `${error.message.length} characters`);
      assert.doesNotMatch(error.message, ORDERS);
    });
  }

  it('with a thousand faults is refused in a short sentence', () => {
    const artifacts = Array.from({ length: 50_000 }, () => ({ [EVIL]: EVIL.repeat(10) }));
    const { message } = refusalOf(JSON.stringify({ ...sample(), artifacts }));
    assert.ok(message.length < 1000);
    assert.doesNotMatch(message, ORDERS);
  });

  it('that is deep or wide is refused before it is parsed', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    assert.match(refusalOf(deep).message, /levels deep/);
    const inside = JSON.stringify(withCollection({ config: 'HERE' })).replace('"HERE"', `{"a":${deep}}`);
    assert.match(refusalOf(inside).message, /levels deep/);
    assert.match(refusalOf(`{"a":[${'[],'.repeat(1_500_000)}[]]}`).message, /more than 2000000 values/);
    assert.equal(
      whyNotParsed(JSON.stringify({ text: `${'[{'.repeat(1000)}\\"${','.repeat(3_000_000)}` })),
      null,
    );
    assert.equal(whyNotParsed(JSON.stringify(sample())), null);
  });

  it('has nothing to show that a terminal would obey, and nothing that is endless', () => {
    const manifest = parseManifest(
      JSON.stringify({
        ...(withGraph({ version: EVIL, image: 'x'.repeat(1_000_000), container: EVIL }) as object),
        failures: [{ service: 'x', type: EVIL, message: EVIL.repeat(100_000) }],
        lifeboat: EVIL,
        run: { workflowId: EVIL, runId: EVIL },
      }),
      'here',
    );
    const text = JSON.stringify(manifest);
    assert.ok(text.length < 50_000, `${text.length} characters`);
    assert.doesNotMatch(manifest.lifeboat, ORDERS);
    assert.equal(text.match(/(?<!\\)\\u00|\u202e/), null, 'no order is in it, but as its number');
    assert.ok(JSON.stringify(setFacts(manifest)).length < 20_000);
  });

  it('can use the names that every object has', () => {
    const manifest = parseManifest(
      JSON.stringify(withCollection({ name: 'constructor', aliases: ['__proto__'] })),
      'here',
    );
    assert.ok(manifest.services.length > 0);
    const graph = {
      nodes: 1,
      relationships: 0,
      labels: {},
      relationshipTypes: {},
      indexes: [],
      constraints: [],
    };
    const found = { ...graph, labels: { constructor: 1, toString: 1 } };
    assert.equal(compareGraphRange(graph, graph, found).length, 2);
    assert.deepEqual(compareGraphRange(found, found, found), []);
  });
});

describe('what hostile names reach', () => {
  it('is no other path of a Qdrant server', () => {
    for (const name of ['.', '..', '', 'a\ud800']) assert.throws(() => at(name), LifeboatError);
    for (const name of ['../x', 'a/../..', '?x', '#', '%2e%2e', '...', 'ä ö', EVIL]) {
      const { pathname } = new URL(`http://127.0.0.1:1${at(name)}/snapshots`);
      assert.match(pathname, /^\/collections\/[^/]+\/snapshots$/, name);
    }
  });

  it('is no order of a terminal, whose own colours stay', () => {
    const written = { out: '', err: '' };
    const stream = (name: 'out' | 'err') =>
      ({
        write: (text: string) => {
          written[name] += text;
        },
      }) as unknown as NodeJS.WritableStream;
    const streams = { out: stream('out'), err: stream('err'), in: {} };
    const terminal = openTerminal({ json: false, streams });
    terminal.result({}, () => `\u001b[32mok\u001b[39m ${table(['NAME'], [[EVIL], ['\u001b[8mhidden']])}`);
    terminal.note(EVIL);
    terminal.failure({ type: 'InvalidInput', message: EVIL, exitCode: 2 } as never);
    openTerminal({ json: true, streams }).result({ name: `${EVIL}\u009b2J` }, () => '');
    assert.ok(written.out.startsWith('\u001b[32mok\u001b[39m'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours.
    const plain = (written.out + written.err).replaceAll(/\u001b\[\d\d?m/g, '');
    assert.doesNotMatch(plain, ORDERS);
    assert.match(plain, /u001b\[8mhidden/);
    assert.doesNotMatch(new LifeboatError('InvalidInput', `"${EVIL}"`).message, ORDERS);
    assert.equal(printable('ä\n\tö 日本'), 'ä\n\tö 日本');
  });

  it('is no HTML of the status page', () => {
    const text = html`<p title="${`"><script>${EVIL}`}">${'<img src=x onerror=alert(1)>'}</p>`.text;
    assert.doesNotMatch(text, /<script|<img|"><s/);
    assert.doesNotMatch(text, ORDERS);
  });
});

function refusalOf(text: string): LifeboatError {
  try {
    parseManifest(text, 'manifests/x.json in the repository "local"');
  } catch (error) {
    if (error instanceof LifeboatError) return error;
    throw error;
  }
  return assert.fail(`It was taken: ${text.slice(0, 200)}`);
}
