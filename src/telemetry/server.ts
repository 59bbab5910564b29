import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { request } from 'undici';
import { askHealth, type HealthCheck } from './health.ts';
import { type Listening, listen } from './listen.ts';

export interface TelemetryServerOptions {
  host: string;
  port: number;
  registry: Registry;
  /** What has to be so before the worker is called ready. */
  ready: readonly HealthCheck[];
  /** host:port at which the Temporal SDK serves its own metrics, which are added. */
  temporalMetrics?: string;
}

/** The Temporal SDK's metrics are left out when they take longer (milliseconds) or are larger (bytes). */
const TEMPORAL_TIMEOUT_MS = 2000;
const TEMPORAL_MAX_BYTES = 8 * 1024 * 1024;

/**
 * Serve `/metrics`, `/healthz` (the process answers) and `/readyz` (it can work).
 * @throws {LifeboatError} `InvalidConfiguration` when it can not listen there.
 */
export async function serveTelemetry(options: TelemetryServerOptions): Promise<Listening> {
  return await listen('The metrics server', options, (incoming, response) => {
    answer(options, incoming, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${error.message}\n`);
    });
  });
}

async function answer(
  options: TelemetryServerOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const send = (status: number, type: string, body: string) =>
    response
      .writeHead(status, {
        'content-type': type,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      .end(body);
  switch (new URL(incoming.url ?? '/', 'http://localhost').pathname) {
    case '/metrics':
      return void send(200, options.registry.contentType, await metricsText(options));
    case '/healthz':
      return void send(200, 'application/json', '{"ok":true}\n');
    case '/readyz': {
      const health = await askHealth(options.ready);
      return void send(health.ok ? 200 : 503, 'application/json', `${JSON.stringify(health)}\n`);
    }
    default:
      return void send(404, 'text/plain; charset=utf-8', 'There are /metrics, /healthz and /readyz.\n');
  }
}

async function metricsText({ registry, temporalMetrics }: TelemetryServerOptions): Promise<string> {
  const own = await registry.metrics();
  return temporalMetrics === undefined ? own : `${own}\n${await temporalText(temporalMetrics)}`;
}

async function temporalText(address: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(TEMPORAL_TIMEOUT_MS);
    const { statusCode, body } = await request(`http://${address}/metrics`, { signal });
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of body) {
      bytes += part.length;
      if (bytes > TEMPORAL_MAX_BYTES) throw new Error('they are too large');
      parts.push(part);
    }
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return Buffer.concat(parts).toString();
  } catch {
    return '# The metrics of the Temporal SDK could not be read.\n';
  }
}
