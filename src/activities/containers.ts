import { setTimeout as sleep } from 'node:timers/promises';
import { type Container, findContainer } from '../adapters/docker/container.ts';
import { removeContainers } from '../adapters/docker/helper.ts';
import {
  clearInterruption,
  type Interruption,
  listInterruptions,
  recordInterruption,
} from '../adapters/docker/interruption.ts';
import {
  pauseContainer,
  resumeContainer,
  startContainer,
  stopContainer,
} from '../adapters/docker/lifecycle.ts';
import { isServing } from '../adapters/neo4j/serving.ts';
import { isSwapPending, runSwapStep } from '../adapters/neo4j/swap.ts';
import type { ContainerReference, Neo4jService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import { LABELS } from '../model/names.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { type Step, step } from './step.ts';

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
  clean: boolean;
}

/** What a restore swaps in a window. */
export interface Swap {
  place: RestorePlace;
  databases: string[];
}

export interface ClosedWindow {
  /** ISO time at which the service was seen answering. */
  servingSince: string;
  /** A swap had been left unfinished, and the old stores were brought back. */
  rolledBack: boolean;
}

/** Containers of services: look, open and close their windows. */
export function createContainerActivities(deps: Dependencies) {
  const { engine } = deps;

  const found = async (service: Neo4jService): Promise<Container> =>
    await findContainer(engine, service.target);

  return {
    /** How the container is now: what it must be again afterwards. */
    async inspectService(input: { service: string }): Promise<Found> {
      return await step('inspect', async () => {
        const container = await found(neo4jNamed(deps.config(), input.service));
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
        const container = await found(service);
        const from = new Date().toISOString();
        await recordInterruption(engine, container, {
          action: input.window === 'freeze' ? 'pause' : 'stop',
          service: service.name,
          workflowId: context.workflowId,
          runId: context.runId,
          graceSeconds: service.stopGraceSeconds,
          restore: input.swap && JSON.stringify(input.swap),
        });
        if (input.window === 'freeze') {
          await pauseContainer(engine, container.id);
          return { containerId: container.id, from, clean: true };
        }
        // A stop that the engine has begun can't be taken back, so a cancel waits for its end: the start comes after it.
        const stopped = await stopContainer(engine, container.id, service.stopGraceSeconds);
        context.signal.throwIfAborted();
        return { containerId: container.id, from, clean: stopped.clean };
      });
    },

    /**
     * Let the service serve again, whatever happened before: helpers out, container up, answering. Harmless when it is up
     * already or was never stopped. Answers when it was seen serving.
     */
    async closeWindow(input: { service: string; containerId?: string }): Promise<ClosedWindow> {
      return await step('close', async (context) => {
        const service = neo4jNamed(deps.config(), input.service);
        await removeContainers(engine, { [LABELS.service]: service.name, [LABELS.role]: 'helper' });
        const records = (await listInterruptions(engine)).filter((record) => record.service === service.name);
        await awaitStopInFlight(service, records, context);
        const rolledBack = await settleSwaps(service, records, context);
        await serveAgain(service, context);
        for (const record of records) await clearInterruption(engine, record.volume);
        return { servingSince: new Date().toISOString(), rolledBack };
      });
    },

    /** Start the service within its window and wait until it answers; unlike closing, this gives up in the end. */
    async tryServing(input: { service: string }): Promise<void> {
      await step('start', async (context) => {
        await serveAgain(neo4jNamed(deps.config(), input.service), context);
      });
    },

    /** Pause the containers of the application; answers those that it paused. Those that do not run are left alone. */
    async pauseApplication(input: { service: string; containers: ContainerReference[] }): Promise<string[]> {
      return await step('quiesce', async (context) => {
        const paused: string[] = [];
        for (const reference of input.containers) {
          const container = await findContainer(engine, reference);
          if (!container.running || container.paused) continue;
          await recordInterruption(engine, container, {
            action: 'pause',
            service: `quiesce.${container.name}`,
            workflowId: context.workflowId,
            runId: context.runId,
            graceSeconds: 0,
          });
          await pauseContainer(engine, container.id);
          paused.push(container.id);
        }
        return paused;
      });
    },

    /** Let every container of the application that this run paused go on. */
    async resumeApplication(): Promise<void> {
      await step('resume', async (context) => {
        for (const record of await listInterruptions(engine)) {
          if (record.runId !== context.runId || !record.service.startsWith('quiesce.')) continue;
          const container = await findContainer(engine, { container: record.containerId }).catch(
            (error: unknown) => {
              if (error instanceof LifeboatError && error.type === 'ContainerNotFound') return undefined;
              throw error;
            },
          );
          if (container?.paused) await resumeContainer(engine, container.id);
          await clearInterruption(engine, record.volume);
        }
      });
    },
  };

  /**
   * A swap that nobody found good is undone: the old stores come back before the service is started. One that runs on the new
   * stores is stopped first.
   */
  async function settleSwaps(
    service: Neo4jService,
    records: Interruption[],
    context: Step,
  ): Promise<boolean> {
    let rolledBack = false;
    for (const { restore } of records) {
      if (!restore) continue;
      const { place, databases } = JSON.parse(restore) as Swap;
      const container = await found(service);
      const about = { service: service.name, runId: context.runId, container };
      if (!(await isSwapPending(engine, about, place))) continue;
      context.beat({ step: 'bringing the old stores back' });
      if (container.running) await stopContainer(engine, container.id, service.stopGraceSeconds);
      await runSwapStep(engine, 'roll back', about, place, databases);
      rolledBack = true;
    }
    return rolledBack;
  }

  /**
   * After the death of a worker in the middle of a stop, the engine may still be about to stop the container: it runs,
   * but has not been started since the record. Starting it now would do nothing, and then it would go down. So wait for
   * the stop to happen, at most as long as it may take.
   */
  async function awaitStopInFlight(
    service: Neo4jService,
    records: Interruption[],
    context: Step,
  ): Promise<void> {
    const record = records.find(({ action }) => action === 'stop');
    if (!record) return;
    while (Date.now() < record.stopBy.getTime()) {
      const container = await found(service);
      if (!container.running || container.startedAt > record.at || container.id !== record.containerId)
        return;
      context.beat({ step: 'waiting for a stop that is under way' });
      await sleep(500, undefined, { signal: context.signal });
    }
  }

  async function serveAgain(service: Neo4jService, context: Step): Promise<void> {
    const deadline = Date.now() + service.startTimeoutSeconds * 1000;
    let starts = 0;
    while (true) {
      const container = await found(service);
      if (!container.running || container.paused) {
        // One that falls over again and again is given time between its starts.
        if (starts > 0) await sleep(Math.min(2000 * starts, 15_000), undefined, { signal: context.signal });
        await startContainer(engine, container.id);
        starts += 1;
        continue;
      }
      const { serving, evidence } = await isServing(engine, service, container);
      if (serving) return;
      if (Date.now() > deadline) {
        throw new LifeboatError(
          'StartFailed',
          `Neo4j in the container "${container.name}" was started, but did not answer within ${service.startTimeoutSeconds} s (asked by ${evidence}). Lifeboat goes on trying; look at "docker logs ${container.name}".`,
        );
      }
      context.beat({ step: `waiting for an answer (by ${evidence})` });
      await sleep(200, undefined, { signal: context.signal });
    }
  }
}
