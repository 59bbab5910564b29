import { SdkComponent } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { TelemetryConfig } from '../config/telemetry.ts';

let installed = false;

/** Let the Temporal SDK log through our logger, and serve its own metrics where that is configured. Once a process. */
export function installRuntime(logger: Logger, telemetry: TelemetryConfig): void {
  if (installed) return;
  installed = true;
  const { temporalMetrics, logLevel } = telemetry;
  Runtime.install({
    logger: new DefaultLogger(
      logLevel === 'error' ? 'ERROR' : logLevel === 'warn' ? 'WARN' : 'INFO',
      (entry) => {
        const said = entry.level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error';
        // What the SDK tells of its own states is for those who look into it, and would stand between the lines of `lifeboat up`.
        const level = said === 'info' && entry.meta?.sdkComponent === SdkComponent.worker ? 'debug' : said;
        logger[level]({ ...entry.meta }, entry.message);
      },
    ),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      ...(temporalMetrics ? { metrics: { prometheus: { bindAddress: temporalMetrics } } } : {}),
    },
  });
}
