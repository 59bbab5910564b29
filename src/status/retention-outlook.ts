import { setImmediate } from 'node:timers/promises';
import { planRetention, type RetentionPolicy, type RetentionSet } from '../model/retention.ts';
import { type CatalogSet, found } from './set-facts.ts';

/** What becomes of one set. */
export interface SetOutlook {
  set: string;
  createdAt: string;
  services: string[];
  state: 'complete' | 'partial';
  bytes: number;
  held: boolean;
  /** Why it stays today; empty when the next pruning takes it. */
  reasons: string[];
  /** Why the next pruning takes it. */
  leavesBecause?: string;
  /** The first day of those looked at on which it leaves, if backups go on as they do; null when it outlives them all. */
  leavesInDays: number | null;
}

/** Retention's future in one repository. */
export interface RetentionOutlook {
  /** Newest first. */
  sets: SetOutlook[];
  /** Older sets that are not among them. */
  more: number;
  /** The time between two backups that the future is worked out with (milliseconds); null with too few sets to tell. */
  everyMs: number | null;
}

/** The days ahead that are looked at. */
export const HORIZON_DAYS = [1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90];

/** Only so many sets are looked at: planning costs time, and this is only a page. */
const MOST_SETS = 250;

/** Only so many backups to come are supposed. */
const MOST_FUTURE = 400;

const DAY = 86_400_000;

/**
 * Ask the planner what it does today, and on days to come when backups go on at the pace of the last ones. Lets other work run
 * between the days.
 */
export async function retentionOutlook(
  all: readonly CatalogSet[],
  policy: RetentionPolicy,
  now: Date,
): Promise<RetentionOutlook> {
  const sets = all.slice(0, MOST_SETS);
  const known = sets.map(retentionSet);
  const today = planRetention(known, policy, now);
  const stays = new Map(today.keep.map(({ set, reasons }) => [set.id, reasons]));
  const goes = new Map(today.expire.map(({ set, reason }) => [set.id, reason]));
  const everyMs = pace(sets);
  const leaves = new Map<string, number>();
  if (everyMs !== null) {
    for (const days of HORIZON_DAYS) {
      await setImmediate();
      const then = new Date(now.getTime() + days * DAY);
      const kept = known.filter(({ id }) => stays.has(id) && !leaves.has(id));
      const plan = planRetention([...kept, ...supposed(sets[0]!, everyMs, now, then)], policy, then);
      for (const { set } of plan.expire) if (stays.has(set.id)) leaves.set(set.id, days);
    }
  }
  return {
    everyMs,
    more: all.length - sets.length,
    sets: sets.map((set) => ({
      set: set.set,
      createdAt: set.createdAt,
      services: set.services.map(({ name }) => name),
      state: set.state,
      bytes: set.bytes,
      held: set.held,
      reasons: stays.get(set.set) ?? [],
      ...(goes.has(set.set) && { leavesBecause: goes.get(set.set) ?? '' }),
      leavesInDays: goes.has(set.set) ? 0 : (leaves.get(set.set) ?? null),
    })),
  };
}

function retentionSet(set: CatalogSet): RetentionSet {
  const verdict = found(set);
  const services = [...set.services.map(({ name }) => name), ...set.failures.map(({ service }) => service)];
  return {
    id: set.set,
    createdAt: set.createdAt,
    services: [...new Set(services)].sort(),
    state: set.state,
    bytes: set.bytes,
    held: set.held,
    ...(verdict && { verdict }),
  };
}

/** The median time between the newest sets. */
function pace(sets: readonly CatalogSet[]): number | null {
  const times = sets.slice(0, 15).map(({ createdAt }) => Date.parse(createdAt));
  const gaps = times.slice(1).map((time, index) => times[index]! - time);
  const ordered = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return ordered[Math.floor(ordered.length / 2)] ?? null;
}

/** Sets that would be there then; the newest ones when they are too many, since those are what pushes others out. */
function supposed(like: CatalogSet, everyMs: number, now: Date, then: Date): RetentionSet[] {
  const count = Math.min(MOST_FUTURE, Math.floor((then.getTime() - now.getTime()) / everyMs));
  return Array.from({ length: count }, (_, index) => ({
    ...retentionSet({ ...like, held: false, verdicts: [], state: 'complete', failures: [] }),
    id: `supposed-${index}`,
    createdAt: new Date(then.getTime() - index * everyMs).toISOString(),
  }));
}
