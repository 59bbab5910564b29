// needs: nothing
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commitManifest } from '../../src/adapters/repository/catalog.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import type { Repository } from '../../src/adapters/repository/repository.ts';
import { writeVerdict } from '../../src/adapters/repository/set-marks.ts';
import { buildObjectives, objectivesSchema } from '../../src/config/telemetry.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { watchCatalog } from '../../src/status/catalog-watch.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { serveTelemetry } from '../../src/telemetry/server.ts';

const objectives = buildObjectives(objectivesSchema.parse({ services: { graph: { rpo: '2h', rto: '1h' } } }));
const digest = 'a'.repeat(64);

function manifest(set: string, createdAt: string, state: Manifest['state'] = 'complete'): Manifest {
  const stored = { bytes: 1000, sha256: digest };
  return {
    kind: 'lifeboat/backup-set',
    format: 1,
    set,
    createdAt,
    completedAt: new Date(Date.parse(createdAt) + 90_000).toISOString(),
    lifeboat: '0.1.0',
    run: { workflowId: 'backup', runId: 'run' },
    state,
    consistent: false,
    skewSeconds: null,
    services: [
      {
        name: 'graph',
        kind: 'neo4j',
        container: 'neo4j',
        image: 'neo4j:5.26',
        imageDigest: 'sha256:0',
        version: '5.26.0',
        edition: 'community',
        databases: ['neo4j'],
        mode: 'dump',
        offlineSeconds: 12.5,
        frozenSeconds: 0.5,
      },
    ],
    failures:
      state === 'partial' ? [{ service: 'vectors', type: 'QdrantUnreachable', message: 'No answer.' }] : [],
    encryption: null,
    artifacts: [
      {
        service: 'graph',
        kind: 'neo4j-dump',
        name: 'neo4j',
        path: `sets/${set}/graph/neo4j.dump`,
        stored,
        content: stored,
        compression: 'none',
        encryption: 'none',
        capturedAt: createdAt,
      },
    ],
  };
}

describe('metrics from the catalog', () => {
  let folder = '';
  let repository: Repository;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-metrics-'));
    repository = await openRepository({ kind: 'directory', name: 'local', path: folder });
    await commitManifest(repository, manifest('20260101T000000Z-aaaaaa', '2026-01-01T00:00:00.000Z'));
    await commitManifest(repository, manifest('20260102T000000Z-bbbbbb', '2026-01-02T00:00:00.000Z'));
    await commitManifest(
      repository,
      manifest('20260103T000000Z-cccccc', '2026-01-03T00:00:00.000Z', 'partial'),
    );
    await writeVerdict(repository, '20260101T000000Z-aaaaaa', {
      kind: 'drill',
      verdict: 'ok',
      time: new Date('2026-01-01T12:00:00Z'),
      findings: { rtoSeconds: 321 },
    });
    await writeVerdict(repository, '20260102T000000Z-bbbbbb', {
      kind: 'verify',
      verdict: 'failed',
      time: new Date('2026-01-02T12:00:00Z'),
      findings: {},
    });
  });
  after(async () => {
    await repository.close();
    await rm(folder, { recursive: true });
  });

  const scrape = async (): Promise<string> => {
    const watch = watchCatalog(() => [repository]);
    await watch.refresh();
    const metrics = createMetrics({ version: '0.1.0', processMetrics: false });
    metrics.catalogRead(watch.current(), ['graph', 'vectors'], objectives);
    watch.stop();
    return await metrics.registry.metrics();
  };
  const value = (text: string, series: string): number | undefined => {
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };

  it('say what the manifests and verdicts say, and the same again in a new process', async () => {
    const text = await scrape();
    // The newest set is partial and the one before was found damaged: the oldest is the last good one.
    const at = Date.parse('2026-01-01T00:01:30Z') / 1000;
    assert.equal(
      value(text, 'lifeboat_last_success_timestamp_seconds{service="graph",repository="local"}'),
      at,
    );
    assert.equal(value(text, 'lifeboat_set_bytes{service="graph",repository="local"}'), 1000);
    assert.equal(value(text, 'lifeboat_backup_duration_seconds{service="graph"}'), 90);
    assert.equal(value(text, 'lifeboat_offline_seconds{service="graph"}'), 12.5);
    assert.equal(value(text, 'lifeboat_frozen_seconds{service="graph"}'), 0.5);
    assert.equal(value(text, 'lifeboat_sets{repository="local",state="complete"}'), 2);
    assert.equal(value(text, 'lifeboat_sets{repository="local",state="partial"}'), 1);
    assert.equal(value(text, 'lifeboat_repository_bytes{repository="local"}'), 3000);
    assert.equal(value(text, 'lifeboat_repository_up{repository="local"}'), 1);
    assert.equal(value(text, 'lifeboat_drill_verdict{service="graph"}'), 1);
    assert.equal(value(text, 'lifeboat_verify_verdict{service="graph"}'), 0);
    assert.equal(value(text, 'lifeboat_rto_seconds{service="graph"}'), 321);
    assert.equal(value(text, 'lifeboat_rpo_objective_seconds{service="graph"}'), 7200);
    assert.equal(value(text, 'lifeboat_rpo_objective_seconds{service="vectors"}'), 26 * 3600);
    assert.ok((value(text, 'lifeboat_rpo_seconds{service="graph"}') ?? 0) > 1e6);
    const steady = (scraped: string) =>
      scraped.replace(/^lifeboat_(rpo_seconds\{|repository_read|repository_free).*$/gm, '');
    assert.equal(steady(await scrape()), steady(text));
  });

  it('claim nothing of a service that has no set', async () => {
    const text = await scrape();
    assert.doesNotMatch(text, /lifeboat_(last_success|rpo_seconds|set_bytes)[^\n]*vectors/);
  });

  it('say that a repository is gone, and keep what was known of it', async () => {
    const watch = watchCatalog(() => [repository]);
    await watch.refresh();
    const moved = `${folder}-moved`;
    const { rename } = await import('node:fs/promises');
    await rename(folder, moved);
    try {
      await watch.refresh();
    } finally {
      await rename(moved, folder);
    }
    const metrics = createMetrics({ version: '0.1.0', processMetrics: false });
    metrics.catalogRead(watch.current(), ['graph'], objectives);
    const text = await metrics.registry.metrics();
    assert.equal(value(text, 'lifeboat_repository_up{repository="local"}'), 0);
    assert.equal(value(text, 'lifeboat_set_bytes{service="graph",repository="local"}'), 1000);
    watch.stop();
  });

  it('count a manifest that can not be read', async () => {
    const key = join(folder, 'manifests', '20260104T000000Z-dddddd.json');
    await writeFile(key, '{"kind":');
    const text = await scrape();
    await rm(key);
    assert.equal(value(text, 'lifeboat_sets{repository="local",state="unreadable"}'), 1);
  });
});

describe('the metrics server', () => {
  const metrics = createMetrics({ version: '0.1.0' });
  const serve = (more: Partial<Parameters<typeof serveTelemetry>[0]> = {}) =>
    serveTelemetry({ host: '127.0.0.1', port: 0, registry: metrics.registry, ready: [], ...more });

  it('serves metrics, health and readiness', async () => {
    let temporal: string | null = 'Temporal at 127.0.0.1:7233 does not answer.';
    const server = await serve({
      ready: [
        { name: 'temporal', check: () => temporal },
        { name: 'worker', check: () => null },
      ],
    });
    metrics.notified('ops', 'sent');
    const scraped = await fetch(`${server.url}/metrics`);
    assert.match(scraped.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await scraped.text();
    assert.match(text, /^lifeboat_build_info\{version="0\.1\.0"\} 1$/m);
    assert.match(text, /^lifeboat_notifications_total\{channel="ops",outcome="sent"\} 1$/m);
    assert.match(text, /^process_resident_memory_bytes /m);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const notReady = await fetch(`${server.url}/readyz`);
    assert.equal(notReady.status, 503);
    assert.deepEqual(await notReady.json(), {
      ok: false,
      checks: [
        { name: 'temporal', ok: false, detail: temporal },
        { name: 'worker', ok: true },
      ],
    });
    temporal = null;
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    assert.equal((await fetch(`${server.url}/`)).status, 404);
    assert.equal((await fetch(`${server.url}/metrics`, { method: 'POST' })).status, 405);
    await server.close();
  });

  it('a check that throws is a check that failed', async () => {
    const failing = () => Promise.reject(new Error('It broke.'));
    const server = await serve({ ready: [{ name: 'temporal', check: failing }] });
    const { checks } = (await (await fetch(`${server.url}/readyz`)).json()) as { checks: unknown };
    assert.deepEqual(checks, [{ name: 'temporal', ok: false, detail: 'It broke.' }]);
    await server.close();
  });

  it('adds the metrics of the Temporal SDK, and says so when they are not to be had', async () => {
    const sdk = createServer((_request, response) => response.end('temporal_worker_start 1\n'));
    await once(sdk.listen(0, '127.0.0.1'), 'listening');
    const server = await serve({ temporalMetrics: `127.0.0.1:${(sdk.address() as AddressInfo).port}` });
    assert.match(
      await (await fetch(`${server.url}/metrics`)).text(),
      /lifeboat_build_info[\s\S]*^temporal_worker_start 1$/m,
    );
    sdk.closeAllConnections();
    await new Promise((done) => sdk.close(done));
    assert.match(
      await (await fetch(`${server.url}/metrics`)).text(),
      /^# The metrics of the Temporal SDK could not be read/m,
    );
    await server.close();
  });

  it('says in words that its port is taken', async () => {
    const first = await serve();
    await assert.rejects(serve({ port: first.port }), (error) => {
      assert.ok(error instanceof LifeboatError);
      assert.match(error.message, /^The metrics server can not listen: port \d+ of 127\.0\.0\.1 is taken/);
      return true;
    });
    await first.close();
  });
});
