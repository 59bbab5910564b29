import { AsyncLocalStorage } from 'node:async_hooks';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Activities } from '../../../src/activities/index.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { runWorker } from '../../../src/worker.ts';
import type { Moment } from './plan-round.ts';

/**
 * The worker as it is, but that it tells the campaign when a moment is reached and waits there until the fault has been injected, and
 * that the clock of the retention planner can be set.
 */

/** What the campaign says to its worker. */
export type Order = { watchFor: { id: number; moment: Moment } } | { goOn: number } | { clockMs: number };
/** What the worker says to the campaign. */
export interface Reached {
  reached: number;
}

const watched = new Map<number, Moment>();
const held = new Map<number, () => void>();
const stepped = new AsyncLocalStorage<number>();
let clockMs = 0;

process.on('message', (order: Order) => {
  if ('watchFor' in order) watched.set(order.watchFor.id, order.watchFor.moment);
  else if ('goOn' in order) {
    // A moment that did not come in time must not come in the next round.
    watched.delete(order.goOn);
    held.get(order.goOn)?.();
  } else clockMs = order.clockMs;
});

async function reach(activity: string, at: 'before' | 'after'): Promise<void> {
  for (const [id, moment] of watched) {
    if (moment.activity !== activity || (moment.when === 'during' ? 'before' : moment.when) !== at) continue;
    watched.delete(id);
    process.send?.({ reached: id } satisfies Reached);
    if (moment.when !== 'during') await hold(id);
  }
}

/** Until the campaign says that the fault is there, or the activity is cancelled by it. */
async function hold(id: number): Promise<void> {
  const signal = cancellationSignal();
  let beats: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      held.set(id, resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      beats = setInterval(() => heartbeat({ step: 'held by the campaign' }), 500);
    });
  } finally {
    clearInterval(beats);
    held.delete(id);
  }
}

const PLANNER = new Set(['planPrune', 'pruneSets', 'collectOrphans']);

function around(activities: Activities): Activities {
  const wrapped = Object.entries(activities).map(([name, real]) => [
    name,
    async (...args: unknown[]) => {
      await reach(name, 'before');
      const work = () => (real as (...args: unknown[]) => Promise<unknown>)(...args);
      const result = PLANNER.has(name) ? await stepped.run(clockMs, work) : await work();
      await reach(name, 'after');
      return result;
    },
  ]);
  return Object.fromEntries(wrapped) as Activities;
}

/** Only what the planner itself asks is moved, so that everything beside it has the right time. */
const RealDate = Date;
class SteppedDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(SteppedDate.now());
    else super(...given);
  }
  static override now(): number {
    return RealDate.now() + (stepped.getStore() ?? 0);
  }
}
globalThis.Date = new Proxy(SteppedDate, {
  construct: (target, given: [], newTarget) =>
    given.length > 1 ? Reflect.construct(RealDate, given) : Reflect.construct(target, given, newTarget),
}) as unknown as DateConstructor;

const orphaned = () => process.exit(1);
process.once('disconnect', orphaned);
await runWorker(await loadConfig(), { around, onReady: () => console.log('lifeboat: worker ready') });
// The channel would keep a worker that was asked to end from ending.
process.off('disconnect', orphaned);
process.disconnect?.();
