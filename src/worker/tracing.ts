import { createRequire } from 'node:module';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { WorkerOptions } from '@temporalio/worker';

/** Traces of runs and their steps, sent to a collector. */
export interface Tracing {
  /** What the worker is made with. */
  options: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
  /** Modules that the workflow bundle must have. */
  workflowModules: string[];
  /** Send what is left, and end. */
  stop(): Promise<void>;
}

const WORKFLOW_MODULE = createRequire(import.meta.url).resolve(
  '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors',
);

/**
 * Trace when a collector is set by OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`), with
 * `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_SERVICE_NAME` (default `lifeboat`); by HTTP. Spans are sent in the background: a
 * collector that is away loses them, and slows nothing down.
 */
export function startTracing(version: string, environment = process.env): Tracing | undefined {
  const endpoint = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || environment.OTEL_SDK_DISABLED === 'true') return undefined;
  const resource = new Resource({
    'service.name': environment.OTEL_SERVICE_NAME ?? 'lifeboat',
    'service.version': version,
  });
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  // So that an activity's span joins the trace of its run, whose context is in the activity's headers.
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() });
  const tracer = provider.getTracer('lifeboat');
  return {
    options: {
      interceptors: {
        activity: [
          (context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context, { tracer }) }),
        ],
      },
      sinks: { exporter: makeWorkflowExporter(processor, resource) },
    },
    workflowModules: [WORKFLOW_MODULE],
    // A collector that does not answer must not hold up the end of the worker.
    stop: async () => await provider.shutdown().catch(() => {}),
  };
}
