import {
  beginGivingBack,
  clearInterruption,
  type Interruption,
  isOurs,
} from '../adapters/docker/interruption.ts';
import { resumeContainer, startContainer } from '../adapters/docker/lifecycle.ts';
import { isSwapPending } from '../adapters/neo4j/swap.ts';
import type { Neo4jService } from '../config/config.ts';
import type { Dependencies } from './dependencies.ts';
import type { Step } from './step.ts';
import { awaitStopInFlight, closeWindow, type Swap, settleStopped } from './windows.ts';

/** What became of a container that a dead run had stopped or paused, or in whose stores it was at work. */
export type Reclaimed =
  | 'started'
  | 'was up already'
  | 'is gone'
  | 'left to the person who stopped it'
  | 'has its own stores, and is left stopped as it was found'
  | keyof typeof UNSETTLED;

/** A restore is unfinished and can't be settled now, so its record stays: it alone says where the old stores are. */
const UNSETTLED = {
  'is gone, with a restore that is not finished: it is looked for again until it is back': true,
  'left as it is, because a restore of it is not finished: put its service back into the configuration': true,
} as const;

/**
 * Start or resume what the record of a dead run tells of, unless a person has taken over since; what it was swapping is settled first. The record goes,
 * but for a swap that can't be settled now.
 */
export async function reclaim(deps: Dependencies, record: Interruption, context: Step): Promise<Reclaimed> {
  const outcome = await giveBack(deps, record, context);
  if (!(outcome in UNSETTLED)) await clearInterruption(deps.engine, record.volume);
  return outcome;
}

async function giveBack(
  { config, engine }: Dependencies,
  record: Interruption,
  context: Step,
): Promise<Reclaimed> {
  const service = config().services.find(
    (one): one is Neo4jService => one.kind === 'neo4j' && one.name === record.service,
  );
  const target = service?.target ?? { container: record.containerId };
  const swap = record.restore === undefined ? undefined : (JSON.parse(record.restore) as Swap);
  const container = await awaitStopInFlight(engine, target, record, context);
  if (!container) {
    return swap
      ? 'is gone, with a restore that is not finished: it is looked for again until it is back'
      : 'is gone';
  }
  const unsettled = async () =>
    swap !== undefined &&
    (await isSwapPending(engine, { service: record.service, runId: context.runId, container }, swap.place));
  if (!service && (await unsettled()))
    return 'left as it is, because a restore of it is not finished: put its service back into the configuration';
  const isUp = container.running && !container.paused;
  if (isUp && !(service && (swap || record.givingBack))) return 'was up already';
  if (record.leftStopped && !container.running && !record.givingBack) {
    if (service && swap) await settleStopped(engine, service, swap, context);
    return 'has its own stores, and is left stopped as it was found';
  }
  // A container that was made anew while its old one was down has never run: it takes the old one's place.
  const recreated = container.id !== record.containerId && container.status === 'created';
  // One that was started on new stores in its window has gone down since by itself: times prove nothing there.
  if (!container.running && !isOurs(record, container) && !recreated && !(await unsettled()))
    return 'left to the person who stopped it';
  if (service) {
    await beginGivingBack(engine, record);
    await closeWindow(engine, service, context);
  } else if (container.paused) await resumeContainer(engine, container.id);
  else await startContainer(engine, container.id);
  return 'started';
}
