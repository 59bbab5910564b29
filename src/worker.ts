import { pathToFileURL } from 'node:url';
import { type Client, WorkflowIdConflictPolicy } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { type Activities, createActivities } from './activities/index.ts';
import { actFor, connectEngine } from './adapters/docker/engine.ts';
import type { Config } from './config/config.ts';
import { onlyAsksHosts } from './config/fleet.ts';
import { loadConfig } from './config/load.ts';
import { temporalConnection } from './config/temporal.ts';
import type { HealthCheck } from './telemetry/health.ts';
import { createLogger } from './telemetry/logger.ts';
import { observe } from './telemetry/observation.ts';
import { secretValues } from './telemetry/secret-values.ts';
import { openConnection } from './temporal/connection.ts';
import { openClient, workerDataConverter } from './temporal/data-converter.ts';
import { countBuffersAsHeap } from './worker/buffer-memory.ts';
import { followConfig } from './worker/current-config.ts';
import { connectDependencies } from './worker/dependencies.ts';
import { registerSearchAttributes } from './worker/search-attributes.ts';
import { installRuntime } from './worker/telemetry.ts';
import { startTracing } from './worker/tracing.ts';
import { openUploadNotes } from './worker/upload-notes.ts';
import { workflowBundle } from './worker/workflow-bundle.ts';

export interface WorkerOptions {
  /** Ends the worker: activities get 10 seconds, then they are handed to the next worker. */
  signal?: AbortSignal;
  /** Called when it polls for work, and has asked for its first look. */
  onReady?: () => void;
  /** Put something around the activities: a trace, or a fault that is tried. */
  around?: (activities: Activities) => Activities;
}

/** Serve the task queue until `signal` is aborted or the process is asked to end. */
export async function runWorker(first: Config, options: WorkerOptions = {}): Promise<void> {
  countBuffersAsHeap();
  const { connectionOptions, namespace, taskQueue } = temporalConnection(first);
  const logger = createLogger(first.telemetry.logLevel, { secrets: () => secretValues(first) });
  installRuntime(logger, first.telemetry);
  const uploads = openUploadNotes(
    process.env,
    `${connectionOptions.address} ${namespace} ${taskQueue}`,
    logger,
  );
  const connection = await openConnection(connectionOptions);
  const native = await NativeConnection.connect(connectionOptions);
  const engine = connectEngine();
  actFor(engine, taskQueue);
  const current = await followConfig(first, engine, logger);
  // Keys are followed, so that they can be rotated; whether anything is encrypted is decided at the start.
  const codec = {
    encrypts: first.temporal.codec !== undefined,
    keys: () => (current.get().temporal.codec ?? first.temporal.codec)?.keys ?? [],
  };
  const client = openClient(connection, namespace, codec);
  const dependencies = connectDependencies(current.get, client, engine);
  const { repository, version } = dependencies;
  const tracing = startTracing(version);
  let worker: Worker | undefined;
  const polls: HealthCheck = {
    name: 'worker',
    check() {
      const state = worker?.getState() ?? 'not started';
      return state === 'RUNNING' ? null : `it is ${state.toLowerCase().replaceAll('_', ' ')}`;
    },
  };
  const observation = await observe({
    config: current.get,
    repository,
    client,
    logger,
    version,
    ready: [polls],
  });
  const made = createActivities({
    ...dependencies,
    metrics: observation.metrics,
    ...(uploads ? { uploads } : {}),
  });
  try {
    await registerSearchAttributes(connection, namespace);
    const created = await Worker.create({
      connection: native,
      namespace,
      taskQueue,
      dataConverter: workerDataConverter(codec),
      workflowBundle: await workflowBundle({
        encoded: codec.encrypts,
        interceptors: tracing?.workflowModules,
      }),
      ...tracing?.options,
      activities: options.around?.(made) ?? made,
      // Few, because a server lets only so many polls of a namespace wait at a time, and every host of a fleet has its own.
      maxConcurrentWorkflowTaskPolls: 2,
      maxConcurrentActivityTaskPolls: 2,
      // Steps that move artifacts wait their turn among themselves; those of a window must always find a place.
      maxConcurrentActivityTaskExecutions: 200,
      // An activity hears of its cancel with a heartbeat, and a cancel in a window waits for it: the SDK would hold heartbeats back for up to 16 s.
      maxHeartbeatThrottleInterval: '1 second',
      shutdownGraceTime: '10 seconds',
      shutdownForceTime: '30 seconds',
    });
    worker = created;
    const stop = () => created.getState() === 'RUNNING' && created.shutdown();
    options.signal?.addEventListener('abort', stop, { once: true });
    const running = created.run();
    // Only a worker that runs can be shut down.
    if (options.signal?.aborted) stop();
    if (!onlyAsksHosts(current.get())) await lookAtOnce(client, taskQueue);
    options.onReady?.();
    await running;
  } finally {
    current.close();
    await observation.stop();
    await tracing?.stop();
    await uploads?.close();
    await native.close();
    await connection.close();
  }
}

/** For so long a server that does not answer keeps a worker from saying that it is ready. */
const LOOK_WITHIN_MS = 10_000;

/** What was stopped when the last worker died, or when Temporal was lost, does not wait for the schedule. */
async function lookAtOnce(client: Client, taskQueue: string): Promise<void> {
  const start = async () =>
    await client.workflow.start('watchdog', {
      taskQueue,
      workflowId: `watchdog/${taskQueue}/start-up`,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    });
  await client.withDeadline(Date.now() + LOOK_WITHIN_MS, start).catch(() => {
    // The schedule looks within a minute.
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runWorker(await loadConfig(), { onReady: () => console.log('lifeboat: worker ready') });
}
