import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from './activities/index.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { temporalConnection } from './config/temporal.ts';
import { connectDependencies } from './worker/dependencies.ts';
import { registerSearchAttributes } from './worker/search-attributes.ts';
import { workflowBundle } from './worker/workflow-bundle.ts';

export interface WorkerOptions {
  /** Ends the worker: activities get 10 seconds, then they are handed to the next worker. */
  signal?: AbortSignal;
  /** Called when it polls for work. */
  onReady?: () => void;
}

/** Serve the task queue until `signal` is aborted or the process is asked to end. */
export async function runWorker(config: Config, options: WorkerOptions = {}): Promise<void> {
  const { connectionOptions, namespace, taskQueue } = temporalConnection(config);
  const connection = await Connection.connect(connectionOptions);
  const native = await NativeConnection.connect(connectionOptions);
  try {
    await registerSearchAttributes(connection, namespace);
    const client = new Client({ connection, namespace });
    const worker = await Worker.create({
      connection: native,
      namespace,
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities: createActivities(connectDependencies(() => config, client)),
      maxConcurrentActivityTaskExecutions: 20,
      shutdownGraceTime: '10 seconds',
      shutdownForceTime: '30 seconds',
    });
    const stop = () => worker.getState() === 'RUNNING' && worker.shutdown();
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted) stop();
    options.onReady?.();
    await worker.run();
  } finally {
    await native.close();
    await connection.close();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runWorker(await loadConfig(), { onReady: () => console.log('lifeboat: worker ready') });
}
