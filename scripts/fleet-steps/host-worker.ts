import './quiet-runtime.ts';
import { type NativeConnection, Worker } from '@temporalio/worker';
import { hostQueue } from '../../src/model/names.ts';
import type { SimulatedActivities } from './simulated-host.ts';

type Creator = Awaited<ReturnType<typeof SharingWorker.ownCreator>>;

/**
 * A worker that runs its workflows in threads which it shares with all others of this process. A real worker has threads of its
 * own, each with a heap: a thousand of those are not to be had on one machine.
 */
class SharingWorker extends Worker {
  static #shared: Promise<Creator> | undefined;

  static ownCreator(...args: Parameters<typeof Worker.createWorkflowCreator>) {
    return Worker.createWorkflowCreator(...args);
  }

  static override async createWorkflowCreator(
    ...args: Parameters<typeof Worker.createWorkflowCreator>
  ): Promise<Creator> {
    SharingWorker.#shared ??= Worker.createWorkflowCreator(...args);
    const creator = await SharingWorker.#shared;
    // They end with the process: the first worker that ends must not end those of the others.
    return { createWorkflow: (options) => creator.createWorkflow(options), destroy: async () => {} };
  }

  static #bundle: ReturnType<typeof Worker.getOrCreateBundle> | undefined;

  /** Read once: the source map alone is several MiB. */
  static override async getOrCreateBundle(...args: Parameters<typeof Worker.getOrCreateBundle>) {
    SharingWorker.#bundle ??= Worker.getOrCreateBundle(...args);
    return await SharingWorker.#bundle;
  }

  static async end(): Promise<void> {
    await (await SharingWorker.#shared)?.destroy();
    SharingWorker.#shared = undefined;
  }
}

export interface HostWorker {
  host: string;
  stop(): Promise<void>;
}

/** Start the worker of one host: real workflows, simulated activities, its own task queue. */
export async function startHostWorker(options: {
  host: string;
  connection: NativeConnection;
  namespace: string;
  workflowBundle: { code: string };
  activities: SimulatedActivities;
}): Promise<HostWorker> {
  const { host, connection, namespace, workflowBundle, activities } = options;
  const worker = await SharingWorker.create({
    connection,
    namespace,
    taskQueue: hostQueue(host),
    workflowBundle,
    activities,
    identity: host,
    // Two polls of each kind are the least that keeps a sticky and a common queue served.
    maxConcurrentWorkflowTaskPolls: 2,
    maxConcurrentActivityTaskPolls: 1,
    maxConcurrentActivityTaskExecutions: 20,
    // As a real worker's, so that a cancel is heard of as soon.
    maxHeartbeatThrottleInterval: '1 second',
    maxConcurrentWorkflowTaskExecutions: 4,
    maxCachedWorkflows: 4,
    workflowThreadPoolSize: 1,
    shutdownGraceTime: '1 second',
    shutdownForceTime: '5 seconds',
  });
  const running = worker.run();
  return {
    host,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    },
  };
}

/** End the threads that the workers shared; after all of them have ended. */
export const endSharedThreads = async (): Promise<void> => await SharingWorker.end();
