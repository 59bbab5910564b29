import { findContainer, seekContainer } from '../adapters/docker/container.ts';
import {
  clearInterruption,
  listInterruptions,
  recordInterruption,
  underRecord,
} from '../adapters/docker/interruption.ts';
import { pauseContainer, resumeContainer, stopContainer } from '../adapters/docker/lifecycle.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { reclaim } from './reclaim.ts';
import { step } from './step.ts';
import { type ClosedWindow, closeWindow, type Swap, serveAgain, settleStopped } from './windows.ts';

/** How a service's container was found. */
export interface Found {
  containerId: string;
  container: string;
  running: boolean;
}

/** A window that is open: what it was opened on, since when, and whether Neo4j had shut down cleanly. */
export interface OpenWindow {
  containerId: string;
  /** ISO time just before the stop or pause was asked for. */
  from: string;
  /** ISO time at which it was stopped or paused; a run that an older version began does not say it. */
  openedAt?: string;
  clean: boolean;
}

/** A container of the application is recorded under this and its own name. */
export const QUIESCED = 'quiesce.';

/** Containers of services: look, open and close their windows. */
export function createContainerActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /**
     * How the container is now: what it must be again afterwards. What a dead run has left stopped or half restored is given back first: whoever
     * holds the service's lock knows that its run is over.
     */
    async inspectService(input: { service: string }): Promise<Found> {
      return await step('inspect', async (context) => {
        for (const record of await listInterruptions(engine)) {
          if (record.service !== input.service || record.runId === context.runId) continue;
          await reclaim(deps, record, context);
        }
        const container = await findContainer(engine, neo4jNamed(deps.config(), input.service).target);
        if (container.paused) {
          throw new LifeboatError(
            'Unsupported',
            `The container "${container.name}" is paused: unpause it (docker unpause ${container.name}), then back up.`,
          );
        }
        return { containerId: container.id, container: container.name, running: container.running };
      });
    },

    /** Stop or pause the container, after a record of it has been written where the container lives. */
    async openWindow(input: {
      service: string;
      window: 'offline' | 'freeze';
      /** What will be swapped in it, so that whoever closes the window can bring it back. */
      swap?: Swap;
    }): Promise<OpenWindow> {
      return await step('open', async (context) => {
        const service = neo4jNamed(deps.config(), input.service);
        const container = await findContainer(engine, service.target);
        const record = {
          action: input.window === 'freeze' ? ('pause' as const) : ('stop' as const),
          service: service.name,
          workflowId: context.workflowId,
          runId: context.runId,
          graceSeconds: service.stopGraceSeconds,
          restore: input.swap && JSON.stringify(input.swap),
        };
        let from = '';
        const clean = await underRecord(engine, container, record, async () => {
          context.signal.throwIfAborted();
          from = new Date().toISOString();
          if (input.window === 'freeze') {
            await pauseContainer(engine, container.id);
            return true;
          }
          // A stop that the engine has begun can't be taken back, so a cancel waits for its end: the start comes after it.
          return (await stopContainer(engine, container.id, service.stopGraceSeconds)).clean;
        });
        context.signal.throwIfAborted();
        return { containerId: container.id, from, openedAt: new Date().toISOString(), clean };
      });
    },

    /** Give the service back to its users, and tell since when it was seen answering. */
    async closeWindow(input: { service: string }): Promise<ClosedWindow> {
      return await step(
        'close',
        async (context) => await closeWindow(engine, neo4jNamed(deps.config(), input.service), context),
      );
    },

    /** Before a swap in a service that is stopped anyway: write down what has to be brought back if nobody finds it good. */
    async recordSwap(input: { service: string; swap: Swap }): Promise<void> {
      await step('record', async (context) => {
        const { name, target } = neo4jNamed(deps.config(), input.service);
        const { workflowId, runId } = context;
        await recordInterruption(engine, await findContainer(engine, target), {
          ...{ action: 'stop', service: name, workflowId, runId, graceSeconds: 0 },
          restore: JSON.stringify(input.swap),
          leftStopped: true,
        });
      });
    },

    /** After such a swap: see that the service has its own stores, unless the new ones were accepted; the record of it goes. */
    async settleSwap(input: { service: string; swap: Swap }): Promise<{ rolledBack: boolean }> {
      return await step('settle', async (context) => {
        const service = neo4jNamed(deps.config(), input.service);
        const rolledBack = await settleStopped(engine, service, input.swap, context);
        for (const record of await listInterruptions(engine)) {
          if (record.service !== service.name || record.runId !== context.runId) continue;
          await clearInterruption(engine, record.volume);
        }
        return { rolledBack };
      });
    },

    /** Start the service within its window and wait until it answers; unlike closing, this gives up in the end. */
    async tryServing(input: { service: string }): Promise<void> {
      await step('start', async (context) => {
        await serveAgain(engine, neo4jNamed(deps.config(), input.service), context);
      });
    },

    /** Stop a service that was found stopped, and that was started only to recover. */
    async stopService(input: { service: string }): Promise<{ clean: boolean }> {
      return await step('stop', async () => {
        const service = neo4jNamed(deps.config(), input.service);
        const { id } = await findContainer(engine, service.target);
        return { clean: (await stopContainer(engine, id, service.stopGraceSeconds)).clean };
      });
    },

    /** Pause the configured containers of the application; answers which. Those that do not run are left alone. */
    async pauseApplication(): Promise<string[]> {
      return await step('quiesce', async (context) => {
        const paused: string[] = [];
        for (const reference of deps.config().quiesce) {
          const container = await findContainer(engine, reference);
          if (!container.running || container.paused) continue;
          const record = {
            action: 'pause' as const,
            service: `${QUIESCED}${container.name}`,
            workflowId: context.workflowId,
            runId: context.runId,
            graceSeconds: 0,
          };
          await underRecord(engine, container, record, async () => {
            context.signal.throwIfAborted();
            await pauseContainer(engine, container.id);
          });
          paused.push(container.name);
        }
        return paused;
      });
    },

    /** Let every container of the application that this run paused go on. */
    async resumeApplication(): Promise<void> {
      await step('resume', async (context) => {
        for (const record of await listInterruptions(engine)) {
          if (record.runId !== context.runId || !record.service.startsWith(QUIESCED)) continue;
          const container = await seekContainer(engine, { container: record.containerId });
          if (container?.paused) await resumeContainer(engine, container.id);
          await clearInterruption(engine, record.volume);
          // An attempt that slept may have paused it before it could see that the record is gone.
          if (container) await resumeContainer(engine, container.id);
        }
      });
    },
  };
}
