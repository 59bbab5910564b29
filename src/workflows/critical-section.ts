import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { Swap } from '../activities/windows.ts';
import { compensate, inWindow, transfer } from './activity-options.ts';
import { causeOf, fail } from './failure.ts';
import { leaveNothing } from './leave-nothing.ts';
import { doWork, type InWindow, type WindowWork, type WorkDone } from './window-work.ts';

/** Told to the parent when the window is open. */
export const windowOpened = defineSignal<[service: string]>('windowOpened');
/** Told to a section that holds its window open for others: they are done. */
export const releaseWindow = defineSignal('releaseWindow');

/** How a service is kept from its clients, and what is done meanwhile. */
export type Window =
  | { window: 'offline' | 'freeze'; work: WindowWork }
  /** It serves all the time, and the section is only the lock. */
  | { window: 'none'; work: { kind: 'online' } };

export type CriticalSectionInput = Window & {
  set: string;
  plan: Neo4jPlan;
  /** Keep the window open until the parent says that everything else was captured. */
  hold: boolean;
};

export interface CriticalSectionResult extends WorkDone {
  /** False: it was found stopped, and left so. */
  wasRunning: boolean;
  /** Its window was open from when the parent was told until the parent had captured everything else. */
  held: boolean;
  offlineSeconds: number;
  /** For which it was paused: its clients waited. */
  frozenSeconds: number;
  /** What the offline time went into; absent when it was not stopped. */
  phases?: WindowPhases;
  from: string;
  to: string;
}

/** Seconds; together they are the offline time. */
export interface WindowPhases {
  stop: number;
  /** The dump, copy or swap, with the steps around it; of a swap also the start. */
  work: number;
  start: number;
}

const secondsBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

/** How long a section waits for its parent to capture the rest of a consistent set, on top of its own work. */
const HOLD_LIMIT = '10 minutes';

/**
 * The critical section: the child workflow that owns the offline or freeze window of one service.
 *
 * Its id is fixed (`offline/<service>`), so that a second one can't start: it is the lock. Whatever ends its parent, also a terminate,
 * asks it to cancel, and then its `finally` gives the service back: it is the compensation.
 */
export async function criticalSection(input: CriticalSectionInput): Promise<CriticalSectionResult> {
  const { service } = input.plan;
  if (input.window === 'none') return await withoutWindow(input);
  let released = !input.hold;
  setHandler(releaseWindow, () => {
    released = true;
  });
  // Not a look alone: what a dead run has left is given back by it.
  const found = await inWindow(`See how ${service} is now`).inspectService({ service });
  if (!found.running) return await leaveStopped(input);

  let offlineMs = 0;
  const phases: WindowPhases = { stop: 0, work: 0, start: 0 };
  let frozenMs = 0;
  let from = new Date().toISOString();
  let to = from;
  let mayBeOpen = false;
  const swap = input.work.kind === 'swap' ? { swap: input.work.swap } : {};
  const open = async () => {
    mayBeOpen = true;
    const doing = input.window === 'freeze' ? 'Pause' : 'Stop';
    const opened = await inWindow(`${doing} ${service}`).openWindow({
      service,
      window: input.window,
      ...swap,
    });
    from = opened.from;
    phases.stop += secondsBetween(from, opened.openedAt ?? from);
    return opened;
  };
  const close = async ({ servingSince, release }: Partial<WorkDone> = {}) => {
    const began = release?.at ?? new Date().toISOString();
    await CancellationScope.nonCancellable(async () => {
      const closed = await compensate(`See that ${service} is up and answers`).closeWindow({ service });
      rolledBack ||= closed.rolledBack;
      to = servingSince ?? closed.servingSince;
      const resumedAt = release?.resumed ? release.at : closed.resumedAt;
      // One that was found stopped at the end of a freeze window had died in it.
      if (input.window === 'freeze' && resumedAt) frozenMs += Date.parse(resumedAt) - Date.parse(from);
      else {
        offlineMs += Date.parse(to) - Date.parse(from);
        phases.start += servingSince ? 0 : secondsBetween(began, to);
      }
      mayBeOpen = false;
    });
  };

  let rolledBack = false;
  /** The old stores are what is given back, until the new ones are accepted: whatever an attempt to close the window could answer. */
  let swapping = false;
  let accepting = false;
  const work = async () => {
    swapping = input.work.kind === 'swap';
    return await doWork(input, true, () => {
      accepting = true;
    });
  };
  let failure: unknown;
  let done: WorkDone = { dumps: {}, compared: false };
  let told = false;
  /** The window was closed again after others had been told that nobody writes. */
  let interrupted = false;
  let held = false;
  const tell = async () => {
    if (input.hold && !told) await tellParent(service);
    told = true;
  };
  try {
    const { clean } = await open();
    // What is moved aside may need recovery: it gets it when it is brought back and started.
    const usable = clean || input.work.kind === 'swap';
    if (usable) await tell();
    done = usable ? await work().catch(tryOnceMore) : await tryOnceMore(killed(service));
    // Without waiting where nothing is held: a cancel that comes now must not hide what was accepted.
    if (input.hold) held = (await condition(() => released, HOLD_LIMIT)) && !interrupted;
  } catch (error) {
    failure = error;
  }
  await CancellationScope.nonCancellable(async () => {
    if (mayBeOpen) {
      await close(done).catch((error: unknown) => joinFailures(service, error, failure));
    }
    // The parent may be gone (terminated), and with it its own clean-up.
    if (isCancellation(failure)) {
      const { set, plan, work } = input;
      if (work.kind === 'swap') await leaveNothing({ set, plan, place: work.swap.place });
      else await compensate('Remove what the cancelled run staged').removeStaging({ set, service });
    }
  });
  const oldServe = rolledBack || (swapping && !accepting);
  if (failure !== undefined) throw oldServe ? broughtBack(service, failure) : failure;
  phases.work = Math.max(0, Math.round(offlineMs - (phases.stop + phases.start) * 1000) / 1000);
  return {
    ...done,
    wasRunning: true,
    held,
    ...(offlineMs > 0 ? { phases } : {}),
    offlineSeconds: offlineMs / 1000,
    frozenSeconds: frozenMs / 1000,
    from,
    to,
  };

  /** Neo4j recovers by itself at its start; then it can shut down cleanly. Once: a second time is not chance any more. */
  async function tryOnceMore(first: unknown): Promise<WorkDone> {
    const { type } = causeOf(first);
    if (isCancellation(first) || (type !== 'RecoveryNeeded' && type !== 'WindowLost')) throw first;
    interrupted = told;
    await close();
    // What was to be put in went with the roll-back.
    if (rolledBack) throw first;
    const reopened = await open();
    if (!reopened.clean) throw unclean(service);
    await tell();
    return await work().catch((again: unknown) => {
      throw causeOf(again).type === 'RecoveryNeeded' ? unclean(service) : again;
    });
  }
}

/** Nobody is kept waiting, so there is nothing to give back: what a cancel leaves is removed. */
async function withoutWindow({ set, plan }: CriticalSectionInput): Promise<CriticalSectionResult> {
  const from = new Date().toISOString();
  try {
    const backUp = transfer(`Let ${plan.service} back itself up`, { attempts: 2 });
    await backUp.takeOnlineBackup({ set, plan });
    return {
      dumps: {},
      compared: false,
      wasRunning: true,
      held: false,
      offlineSeconds: 0,
      frozenSeconds: 0,
      from,
      to: new Date().toISOString(),
    };
  } catch (error) {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(async () => {
        const { service } = plan;
        await compensate('Remove what the cancelled run staged').removeStaging({ set, service });
      });
    }
    throw error;
  }
}

/** A service that was found stopped is worked on as it is; only a store that needs recovery makes it run, for that alone. */
async function leaveStopped(input: InWindow): Promise<CriticalSectionResult> {
  const { service } = input.plan;
  const from = new Date().toISOString();
  const work = async () =>
    input.work.kind === 'swap' ? await swapStopped(input, input.work.swap) : await doWork(input, false);
  const done = await work().catch(async (error: unknown) => {
    if (input.work.kind === 'swap' || causeOf(error).type !== 'RecoveryNeeded') throw error;
    await recoverStopped(service);
    return await doWork(input, false).catch((again: unknown) => {
      throw causeOf(again).type === 'RecoveryNeeded' ? unclean(service) : again;
    });
  });
  return {
    ...done,
    wasRunning: false,
    held: false,
    offlineSeconds: 0,
    frozenSeconds: 0,
    from,
    to: new Date().toISOString(),
  };
}

/**
 * A swap while the service is stopped anyway: when it fails the old stores are brought back, and it stays stopped. It is written down like a stop, so that
 * somebody brings them back also when this section is ended in its middle.
 */
async function swapStopped(input: InWindow, swap: Swap): Promise<WorkDone> {
  const { service } = input.plan;
  const settle = async () =>
    await CancellationScope.nonCancellable(
      async () => await compensate(`See that ${service} has its stores`).settleSwap({ service, swap }),
    );
  let done: WorkDone;
  try {
    await inWindow(`Write down what is swapped in ${service}`).recordSwap({ service, swap });
    done = await doWork(input, false);
  } catch (error) {
    const { rolledBack } = await settle();
    throw rolledBack ? broughtBack(service, error, 'back, and it is left stopped as it was found') : error;
  }
  await settle();
  return done;
}

/** Start it once, so that it recovers, and stop it again: it is left as it was found, but clean. */
async function recoverStopped(service: string): Promise<void> {
  let clean = false;
  try {
    await inWindow(`Start ${service} so that it recovers`).tryServing({ service });
  } finally {
    await CancellationScope.nonCancellable(async () => {
      const stopped = await compensate(`Stop ${service} again, as it was found`).stopService({ service });
      clean = stopped.clean;
    });
  }
  if (!clean) throw unclean(service);
}

/** The restore failed, and the data from before serves: both are told. A cancel stays a cancel. */
function broughtBack(service: string, failure: unknown, how = 'back and serving'): unknown {
  if (isCancellation(failure)) return failure;
  const { type, message } = causeOf(failure);
  return fail(
    'RestoreFailed',
    `The restore of ${service} failed, and the data from before is ${how}. What failed: ${message}`,
    { cause: type },
  );
}

const killed = (service: string) => fail('RecoveryNeeded', `Neo4j of ${service} had to be killed.`);

/** A service that could not be started is told together with what went wrong before it, never instead of it. */
function joinFailures(service: string, starting: unknown, before: unknown): never {
  const { message } = causeOf(starting);
  throw fail(
    'StartFailed',
    `Neo4j of service "${service}" could not be started again: ${message}${before === undefined ? '' : ` Before that: ${causeOf(before).message}`}`,
  );
}

const unclean = (service: string) =>
  fail(
    'UncleanShutdown',
    `Neo4j of service "${service}" does not shut down cleanly, also after it was started and stopped once more: raise its stopGrace, and look into its log for what keeps it.`,
  );

async function tellParent(service: string): Promise<void> {
  const { parent } = workflowInfo();
  if (parent) await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(windowOpened, service);
}
