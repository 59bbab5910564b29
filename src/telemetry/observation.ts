import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Repository } from '../adapters/repository/repository.ts';
import type { Config } from '../config/config.ts';
import { messageOf } from '../model/failures.ts';
import { type CatalogWatch, watchCatalog } from '../status/catalog-watch.ts';
import { serveStatusPage } from '../status/server.ts';
import { statusSource } from '../status/source.ts';
import type { HealthCheck } from './health.ts';
import type { Listening } from './listen.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { serveTelemetry } from './server.ts';

export interface ObservationOptions {
  /** The last good configuration; asked anew each time. Where to listen is read once. */
  config: () => Config;
  repository: (name: string) => Repository;
  client: Client;
  logger: Pick<Logger, 'info' | 'error'>;
  version: string;
  /** What else has to be so before the worker is called ready; that Temporal answers is asked anyway. */
  ready?: readonly HealthCheck[];
}

/** What watches over the worker: metrics, health and the status page. */
export interface Observation {
  metrics: Metrics;
  catalog: CatalogWatch;
  /** Where they are served; absent where they are not. */
  telemetryUrl?: string;
  statusUrl?: string;
  stop(): Promise<void>;
}

/**
 * Start to watch. Nothing of it can stop the worker: a port that is taken is logged as an error, and the rest goes on.
 */
export async function observe(options: ObservationOptions): Promise<Observation> {
  const { config, client, logger, version } = options;
  const { telemetry, statusPage } = config();
  const metrics = createMetrics({ version });
  const expect = () => {
    const { notifications, services } = config();
    const named = (all: readonly { name: string }[]) => all.map(({ name }) => name);
    metrics.expect({ channels: named(notifications), services: named(services) });
  };
  expect();
  const catalog = watchCatalog(() => config().repositories.map(({ name }) => options.repository(name)));
  catalog.onRefresh((views) => {
    const { services, objectives } = config();
    expect();
    metrics.catalogRead(
      views,
      services.map(({ name }) => name),
      objectives,
    );
  });
  const tryTo = async (start: () => Promise<Listening>): Promise<Listening | undefined> => {
    try {
      return await start();
    } catch (error) {
      logger.error(`${messageOf(error)} The worker goes on without it.`);
      return undefined;
    }
  };

  const { host, port, temporalMetrics } = telemetry;
  const ready = [temporalAnswers(client), ...(options.ready ?? [])];
  const served = telemetry.enabled
    ? await tryTo(() =>
        serveTelemetry({
          host,
          port,
          registry: metrics.registry,
          ready,
          ...(temporalMetrics !== undefined && { temporalMetrics }),
        }),
      )
    : undefined;
  const source = statusSource({
    config,
    objectives: () => config().objectives,
    catalog,
    client,
    version,
    ...(statusPage.temporalUi !== undefined && { temporalUi: statusPage.temporalUi }),
  });
  const page = statusPage.enabled ? await tryTo(() => serveStatusPage(statusPage, source)) : undefined;
  if (served || page) catalog.start(telemetry.refreshMs);
  if (page) source.start(telemetry.refreshMs);
  if (served) logger.info({ url: `${served.url}/metrics` }, 'Metrics are served.');
  if (page) logger.info({ url: page.url }, 'The status page is served.');
  return {
    metrics,
    catalog,
    ...(served && { telemetryUrl: served.url }),
    ...(page && { statusUrl: page.url }),
    async stop() {
      catalog.stop();
      source.stop();
      await Promise.all([served?.close(), page?.close()]);
    },
  };
}

const temporalAnswers = (client: Client): HealthCheck => ({
  name: 'temporal',
  async check(signal) {
    await client.connection.withAbortSignal(signal, () => client.workflowService.getSystemInfo({}));
    return null;
  },
});
