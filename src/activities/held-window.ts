import { setTimeout as sleep } from 'node:timers/promises';
import { type Container, findContainer } from '../adapters/docker/container.ts';
import type { Engine } from '../adapters/docker/engine.ts';
import { startContainer } from '../adapters/docker/lifecycle.ts';
import { writeCheckpoint } from '../adapters/neo4j/bolt.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { accessOf, type ServiceStep } from './neo4j.ts';
import type { Step } from './step.ts';

/** How long a checkpoint is waited for (milliseconds). */
const CHECKPOINT_MS = 2 * 60 * 1000;

/** A container was let go on within its window's work. */
export interface Release {
  /** ISO time. */
  at: string;
  /** It was paused, and goes on; false: it was down, and was started. */
  resumed: boolean;
}

type InWindow = ServiceStep & { window: 'offline' | 'freeze' };

/** What an Enterprise server still holds in memory need not be written within the window, nor recovered after it. */
export async function checkpoint(deps: Dependencies, { plan }: ServiceStep, context: Step): Promise<void> {
  if (plan.edition !== 'enterprise') return;
  context.beat({ step: 'writing a checkpoint' });
  const access = await accessOf(deps.engine, neo4jNamed(deps.config(), plan.service));
  if (!access) return;
  for (const database of Object.keys(plan.databases).filter((name) => name !== 'system')) {
    context.signal.throwIfAborted();
    // It only saves time: who may not ask for it waits a little longer, and nobody waits long for it.
    await Promise.race([
      writeCheckpoint(access, database).catch(() => {}),
      sleep(CHECKPOINT_MS, undefined, { signal: context.signal, ref: false }).catch(() => {}),
    ]);
  }
}

/**
 * What is copied from a server at work is worth nothing.
 * @throws {LifeboatError} `WindowLost`
 */
export async function requireWindow(engine: Engine, { plan, window }: InWindow): Promise<Container> {
  const container = await findContainer(engine, { container: plan.containerId });
  const open = window === 'freeze' ? container.paused || !container.running : !container.running;
  if (!open) throw windowLost(container.name);
  return container;
}

/**
 * The window is open, and was so all the time since `began`.
 * @throws {LifeboatError} `WindowLost`
 */
export async function sameWindow(engine: Engine, input: InWindow, began: Container): Promise<Container> {
  const ended = await requireWindow(engine, input);
  if (ended.startedAt.getTime() !== began.startedAt.getTime()) throw windowLost(ended.name);
  return ended;
}

/** Let the container go on, or start it; closing the window still sees that it serves. */
export async function letGoOn(engine: Engine, container: Container): Promise<Release> {
  await startContainer(engine, container.id);
  return { at: new Date().toISOString(), resumed: container.paused };
}

const windowLost = (container: string): LifeboatError =>
  new LifeboatError(
    'WindowLost',
    `The container "${container}" went on in the middle of its backup: another program or the engine let it.`,
  );
