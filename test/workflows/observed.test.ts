// needs: docker temporal
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat } from './lifeboat.ts';
import { freePort, until } from './receivers.ts';

let collections: Collections;
let lifeboat: Lifeboat;
let backup: BackupResult;
let drilledAt: number;
let taken: Server;
let telemetry: string;
let page: string;

before(async () => {
  collections = await startCollections();
  await collections.make('notes');
  taken = createServer((_request, response) => response.end('somebody else')).listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const [port, statusPort, temporalPort] = [await freePort(), await freePort(), await freePort()];
  telemetry = `http://127.0.0.1:${port}`;
  page = `http://127.0.0.1:${statusPort}`;
  const { port: gone } = taken.address() as AddressInfo;
  lifeboat = await startLifeboat({
    services: { vectors: collections.section() },
    notifications: { ops: { kind: 'webhook', url: `http://127.0.0.1:${gone}/`, on: ['success'] } },
    objectives: { rto: '1h' },
    telemetry: { port, temporalMetrics: `127.0.0.1:${temporalPort}`, refresh: '5s' },
    statusPage: { enabled: true, port: statusPort },
  });
  backup = await lifeboat.run<BackupResult>('backup');
  await lifeboat.run('verify');
  await lifeboat.run('drill');
  drilledAt = Date.now();
});

after(async () => {
  await lifeboat?.close();
  taken?.close();
  for (const name of (await collections?.own()) ?? []) await collections.drop(name);
  await collections?.close();
});

interface Sample {
  labels: string;
  value: number;
}

/** What a scrape holds, by name. */
async function scrape(): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>();
  for (const line of (await (await fetch(`${telemetry}/metrics`)).text()).split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)/.exec(line);
    if (!found) continue;
    const [, name = '', labels = '', value] = found;
    samples.set(name, [...(samples.get(name) ?? []), { labels, value: Number(value) }]);
  }
  return samples;
}

/** A scrape of a worker that has looked at the repository since the last run. */
async function freshScrape(): Promise<Map<string, Sample[]>> {
  return await until(async () => {
    const samples = await scrape();
    const read = samples.get('lifeboat_repository_read_timestamp_seconds')?.[0]?.value ?? 0;
    return read * 1000 > drilledAt && samples;
  });
}

const lifeboatValue = (samples: Map<string, Sample[]>, name: string): number | undefined =>
  samples.get(`lifeboat_${name}`)?.[0]?.value;

/** The metrics that an expression asks for. */
function metricsIn(expression: string): string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      const name = node.name === 'VectorSelector' && node.node.getChild('Identifier');
      if (name) names.push(expression.slice(name.from, name.to));
    },
  });
  return names;
}

const deployed = (path: string) => readFile(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');

describe('a worker that is watched', () => {
  test('tells Prometheus what the set says', async () => {
    const samples = await freshScrape();
    const [found] = await lifeboat.sets();
    assert.ok(found && 'manifest' in found);
    const { manifest } = found;
    const { completedAt } = manifest;
    assert.equal(lifeboatValue(samples, 'last_success_timestamp_seconds'), Date.parse(completedAt) / 1000);
    assert.match(
      samples.get('lifeboat_last_success_timestamp_seconds')?.[0]?.labels ?? '',
      /service="vectors",repository="local"/,
    );
    assert.equal(lifeboatValue(samples, 'set_bytes'), backup.bytes);
    assert.equal(lifeboatValue(samples, 'verify_verdict'), 1);
    assert.equal(lifeboatValue(samples, 'drill_verdict'), 1);
    assert.equal(samples.get('lifeboat_sets')?.find(({ labels }) => labels.includes('"complete"'))?.value, 1);
    const ended = samples.get('lifeboat_runs_total')?.filter(({ value }) => value === 1);
    for (const operation of ['backup', 'verify', 'drill']) {
      assert.ok(
        ended?.some(({ labels }) => labels === `{operation="${operation}",outcome="ok"}`),
        operation,
      );
    }
  });

  test('has every metric that the dashboard and the alert rules ask for', async () => {
    const samples = await freshScrape();
    const rules = parse(await deployed('prometheus/lifeboat.rules.yml')) as {
      groups: { rules: { expr: string }[] }[];
    };
    const dashboard = JSON.parse(await deployed('grafana/dashboards/lifeboat.json')) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const expressions = [
      ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
      ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ];
    const asked = new Set(expressions.flatMap(metricsIn));
    assert.ok(asked.size > 10);
    // `up` is made by Prometheus itself.
    assert.deepEqual(
      [...asked].filter((name) => name !== 'up' && !samples.has(name)),
      [],
    );
  });

  test("serves the Temporal SDK's own metrics too", async () => {
    const names = [...(await scrape()).keys()];
    assert.ok(
      names.some((name) => name.startsWith('temporal_')),
      names.join(' '),
    );
  });

  test('says that it lives and is ready', async () => {
    assert.equal((await fetch(`${telemetry}/healthz`)).status, 200);
    const ready = await fetch(`${telemetry}/readyz`);
    assert.deepEqual(await ready.json(), {
      ok: true,
      checks: [
        { name: 'temporal', ok: true },
        { name: 'worker', ok: true },
      ],
    });
    assert.equal(ready.status, 200);
  });

  test('shows the set on its status page', async () => {
    await freshScrape();
    const html = await (await fetch(page)).text();
    assert.match(html, /within objective/);
    assert.ok(html.includes(backup.set));
  });

  test('works without its page and its metrics when their ports are taken', async () => {
    const { port } = taken.address() as AddressInfo;
    const other = await startLifeboat({
      services: { vectors: collections.section() },
      telemetry: { port },
      statusPage: { enabled: true, port },
    });
    try {
      const { state } = await other.run<BackupResult>('backup');
      assert.equal(state, 'complete');
      assert.match(other.worker.output(), new RegExp(`The metrics server can not listen: port ${port}`));
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), 'somebody else');
    } finally {
      await other.close();
    }
  });
});
