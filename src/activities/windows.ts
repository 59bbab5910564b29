import { setTimeout as sleep } from 'node:timers/promises';
import { type Container, findContainer, seekContainer } from '../adapters/docker/container.ts';
import type { Engine } from '../adapters/docker/engine.ts';
import { removeContainers } from '../adapters/docker/helper.ts';
import {
  beginGivingBack,
  clearInterruption,
  type Interruption,
  listInterruptions,
} from '../adapters/docker/interruption.ts';
import { resumeContainer, startContainer, stopContainer } from '../adapters/docker/lifecycle.ts';
import { isServing } from '../adapters/neo4j/serving.ts';
import { isSwapPending, runSwapStep } from '../adapters/neo4j/swap.ts';
import type { ContainerReference, Neo4jService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import { LABELS } from '../model/names.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import type { Step } from './step.ts';

/** What a restore swaps in a window. */
export interface Swap {
  place: RestorePlace;
  databases: string[];
}

export interface ClosedWindow {
  /** ISO time at which the service was seen answering. */
  servingSince: string;
  /** ISO time at which a paused container went on; absent when it was not found paused. */
  resumedAt?: string;
  /** A swap had been left unfinished, and the old stores were brought back. */
  rolledBack: boolean;
}

/**
 * Let the service serve again, whatever happened before: helpers out, unfinished swaps undone, container up, answering.
 * Harmless when it is up already or was never stopped.
 */
export async function closeWindow(
  engine: Engine,
  service: Neo4jService,
  context: Step,
): Promise<ClosedWindow> {
  const resumedAt = await resumeAtOnce(engine, service);
  await removeContainers(engine, { [LABELS.service]: service.name, [LABELS.window]: 'inside' });
  const records = (await listInterruptions(engine)).filter((record) => record.service === service.name);
  for (const record of records) await awaitStopInFlight(engine, service.target, record, context);
  const rolledBack = await settleSwaps(engine, service, records, context);
  try {
    await serveAgain(engine, service, context);
  } catch (error) {
    // What was started and fell over again is not what a person has stopped, also when nobody is left to try once more.
    if (error instanceof LifeboatError && error.type === 'StartFailed')
      for (const record of records) await beginGivingBack(engine, record).catch(() => {});
    throw error;
  }
  const servingSince = new Date().toISOString();
  for (const record of records) await clearInterruption(engine, record.volume);
  // An attempt that slept may have stopped or paused it before it could see that the record is gone.
  if (records.length > 0) await serveAgain(engine, service, context);
  return {
    servingSince,
    rolledBack,
    ...(resumedAt ? { resumedAt } : {}),
  };
}

/** Helpers in a freeze window only read, so clients need not wait until they are gone. */
async function resumeAtOnce(engine: Engine, service: Neo4jService): Promise<string | undefined> {
  const container = await findContainer(engine, service.target);
  if (!container.paused) return undefined;
  await resumeContainer(engine, container.id);
  return new Date().toISOString();
}

/**
 * After the death of a worker in the middle of a stop, the engine may still be about to stop the container: it runs,
 * but has not been started since the record. Starting it now would do nothing, and then it would go down. So wait for
 * the stop to happen, at most as long as it may take. Answers the container as it is then.
 */
export async function awaitStopInFlight(
  engine: Engine,
  target: ContainerReference,
  record: Interruption,
  context: Step,
): Promise<Container | undefined> {
  while (true) {
    const container = await seekContainer(engine, target);
    if (record.action !== 'stop' || record.leftStopped || Date.now() >= record.stopBy.getTime())
      return container;
    if (!container?.running || container.startedAt > record.at || container.id !== record.containerId)
      return container;
    context.beat({ step: 'waiting for a stop that is under way' });
    await sleep(500, undefined, { signal: context.signal });
  }
}

/**
 * A swap that nobody found good is undone: the old stores come back before the service is started. One that runs on the new
 * stores is stopped first.
 */
async function settleSwaps(
  engine: Engine,
  service: Neo4jService,
  records: Interruption[],
  context: Step,
): Promise<boolean> {
  let rolledBack = false;
  for (const record of records) {
    if (!record.restore) continue;
    const begin = async () => await beginGivingBack(engine, record);
    const swap = JSON.parse(record.restore) as Swap;
    rolledBack = (await settleSwap(engine, service, swap, context, begin)) || rolledBack;
  }
  return rolledBack;
}

/**
 * Bring the old stores back if a swap began and nobody has found it good; the service is stopped for that, and left so. Answers whether it was so.
 * @param begin done before anything is.
 */
export async function settleSwap(
  engine: Engine,
  service: Neo4jService,
  { place, databases }: Swap,
  context: Step,
  begin: () => Promise<void> = async () => {},
): Promise<boolean> {
  const container = await findContainer(engine, service.target);
  const about = { service: service.name, runId: context.runId, container };
  if (!(await isSwapPending(engine, about, place))) return false;
  await begin();
  context.beat({ step: 'bringing the old stores back' });
  if (container.running) await stopContainer(engine, container.id, service.stopGraceSeconds);
  await runSwapStep(engine, 'roll back', about, place, databases);
  return true;
}

/** The same for a service that was stopped anyway; whoever was at the swap and died may have left a helper that still is. */
export async function settleStopped(
  engine: Engine,
  service: Neo4jService,
  swap: Swap,
  context: Step,
): Promise<boolean> {
  await removeContainers(engine, { [LABELS.service]: service.name, [LABELS.window]: 'inside' });
  return await settleSwap(engine, service, swap, context);
}

/**
 * Start the service and wait until it answers.
 * @throws {LifeboatError} `StartFailed` when it does not within its `startTimeout`.
 */
export async function serveAgain(engine: Engine, service: Neo4jService, context: Step): Promise<void> {
  const deadline = Date.now() + service.startTimeoutSeconds * 1000;
  let starts = 0;
  while (true) {
    const container = await findContainer(engine, service.target);
    if (Date.now() > deadline) throw notServing(service, container);
    if (!container.running || container.paused) {
      // One that falls over again and again is given time between its starts.
      if (starts > 0) await sleep(Math.min(2000 * starts, 15_000), undefined, { signal: context.signal });
      await startContainer(engine, container.id);
      starts += 1;
      continue;
    }
    const { serving, evidence } = await isServing(engine, service, container);
    if (serving) return;
    context.beat({ step: `waiting for an answer (by ${evidence})` });
    await sleep(200, undefined, { signal: context.signal });
  }
}

const notServing = (service: Neo4jService, container: Container): LifeboatError =>
  new LifeboatError(
    'StartFailed',
    `Neo4j in the container "${container.name}" was started, but did not answer within ${service.startTimeoutSeconds} s: look at "docker logs ${container.name}".`,
  );
