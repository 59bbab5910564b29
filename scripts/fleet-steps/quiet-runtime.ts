import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

// A thousand workers that tell of their beginnings and ends hide what matters.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: {
    logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
  },
});
