// needs: docker temporal
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type Collections, startCollections } from './collections.ts';
import { type Lifeboat, startLifeboat, unique } from './lifeboat.ts';

interface Span {
  name: string;
  traceId: string;
  attributes: { key: string; value: { stringValue?: string } }[];
}

interface TraceRequest {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Span[] }[];
  }[];
}

const PASSPHRASE = unique('canary-passphrase');
const service = unique('notes');
const bodies: string[] = [];
let collector: Server;
let collections: Collections;
let lifeboat: Lifeboat;

before(async () => {
  // A collector that takes OTLP by HTTP.
  collector = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (request.url === '/v1/traces') bodies.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  process.env.OTEL_BSP_SCHEDULE_DELAY = '100';
  collections = await startCollections();
  await collections.make('notes', { points: 20 });
  lifeboat = await startLifeboat({
    services: { [service]: collections.section() },
    encryption: { passphrase: PASSPHRASE },
  });
});

after(async () => {
  await lifeboat?.close();
  await collections?.close();
  collector?.close();
});

test('a collector gets one trace of a run with its steps, and no secret', async () => {
  const handle = await lifeboat.start('backup');
  const { runId } = await handle.describe();
  const result = (await handle.result()) as BackupResult;
  assert.equal(result.state, 'complete');
  // What waits to be sent is sent when the worker ends.
  await lifeboat.worker.kill('SIGTERM');

  const resources = bodies.flatMap((body) => (JSON.parse(body) as TraceRequest).resourceSpans);
  for (const { resource } of resources) {
    const name = resource.attributes.find(({ key }) => key === 'service.name');
    assert.equal(name?.value.stringValue, 'lifeboat');
  }
  const spans = resources.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  const run = spans.find(
    ({ name, attributes }) =>
      name === 'RunWorkflow:backup' && attributes.some(({ value }) => value.stringValue === runId),
  );
  assert.ok(run, `no span of the run among ${[...new Set(spans.map(({ name }) => name))].join(', ')}`);
  const names = new Set(spans.filter(({ traceId }) => traceId === run.traceId).map(({ name }) => name));
  for (const name of ['StartActivity:planRun', 'RunActivity:planRun', 'RunActivity:storeSnapshot']) {
    assert.ok(names.has(name), `${name} is not among ${[...names].join(', ')}`);
  }
  const all = bodies.join('\n');
  for (const secret of [PASSPHRASE, collections.apiKey]) {
    assert.ok(secret === undefined || !all.includes(secret));
  }
});
