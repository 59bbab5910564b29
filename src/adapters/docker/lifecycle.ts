import { setTimeout as sleep } from 'node:timers/promises';
import { LifeboatError } from '../../model/failures.ts';
import { type Container, findContainer } from './container.ts';
import { asking, type Engine, engineStatus } from './engine.ts';

/** What stopping a container came to. */
export interface Stopped {
  exitCode: number;
  /** The main process obeyed the request to end; false when Docker had to kill it (exit code 137). */
  clean: boolean;
  finishedAt: Date;
}

/**
 * Stop a container, giving it `graceSeconds` before Docker kills it. Stopping a stopped container is no error.
 * While it waits it calls `tick` every second, so that the caller can heartbeat.
 */
export async function stopContainer(
  engine: Engine,
  id: string,
  graceSeconds: number,
  options: { tick?: () => void; signal?: AbortSignal } = {},
): Promise<Stopped> {
  const container = engine.getContainer(id);
  const stopping = asking(`stop the container ${id.slice(0, 12)}`, async () => {
    await container.stop({ t: graceSeconds }).catch((error: unknown) => {
      if (engineStatus(error) !== 304) throw error;
    });
  });
  let done = false;
  const finished = stopping.finally(() => {
    done = true;
  });
  finished.catch(() => {});
  while (!done) {
    options.tick?.();
    options.signal?.throwIfAborted();
    await Promise.race([finished, sleep(1000)]);
  }
  await finished;
  const state = await findContainer(engine, { container: id });
  if (state.running) {
    throw new LifeboatError(
      'StopFailed',
      `The container "${state.name}" still runs after it was asked to stop: a restart policy or another program started it again.`,
    );
  }
  return {
    exitCode: state.exitCode,
    clean: state.exitCode !== 137,
    finishedAt: state.finishedAt,
  };
}

/** Start a container, or resume it when it is paused. Starting a running container is no error. */
export async function startContainer(engine: Engine, id: string): Promise<void> {
  const state = await findContainer(engine, { container: id });
  if (state.paused) return await resumeContainer(engine, id);
  await asking(`start the container "${state.name}"`, async () => {
    await engine
      .getContainer(id)
      .start()
      .catch((error: unknown) => {
        if (engineStatus(error) !== 304) throw error;
      });
  });
}

/** Pause every process of a container. Pausing a paused container is no error. */
export async function pauseContainer(engine: Engine, id: string): Promise<void> {
  await asking(`pause the container ${id.slice(0, 12)}`, async () => {
    await engine
      .getContainer(id)
      .pause({})
      .catch(async (error: unknown) => {
        const state = await findContainer(engine, { container: id });
        if (!state.paused) throw error;
      });
  });
}

/** Let a paused container go on. Resuming a container that is not paused is no error. */
export async function resumeContainer(engine: Engine, id: string): Promise<void> {
  await asking(`unpause the container ${id.slice(0, 12)}`, async () => {
    await engine
      .getContainer(id)
      .unpause({})
      .catch(async (error: unknown) => {
        const state: Container = await findContainer(engine, { container: id });
        if (state.paused) throw error;
      });
  });
}
