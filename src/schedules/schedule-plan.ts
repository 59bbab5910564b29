import type { DeclaredSchedule } from '../model/schedule.ts';
import { declarationHash, type ScheduleOwner, scheduleId } from './schedule-options.ts';

/** A schedule as it is on the server. */
export interface ExistingSchedule {
  id: string;
  /** The owner in its memo; absent on schedules that Lifeboat did not make. */
  owner?: string;
  /** The hash of what it was made from. */
  hash?: string;
  /** Whether that was declared as paused. */
  declaredPaused?: boolean;
  /** Whether it is paused now, by whomever. */
  paused: boolean;
  /** What somebody changed by hand since, in words. */
  drift?: string[];
}

export type ScheduleChange =
  | { change: 'create'; id: string; schedule: DeclaredSchedule; reasons: string[] }
  | { change: 'update'; id: string; schedule: DeclaredSchedule; paused: boolean; reasons: string[] }
  | { change: 'remove'; id: string; reasons: string[] }
  | { change: 'unchanged'; id: string; reasons: string[] }
  /** A schedule of somebody else has the id: it is not touched. */
  | { change: 'conflict'; id: string; reasons: string[] };

/**
 * What has to be done so that the server has exactly the declared schedules, among those that this owner made. Schedules of
 * others are never part of it, but for the conflict when one has the id of ours. A pause that a person made stays.
 */
export function planSchedules(
  declared: readonly DeclaredSchedule[],
  existing: readonly ExistingSchedule[],
  owner: ScheduleOwner,
): ScheduleChange[] {
  const byId = new Map(existing.map((one) => [one.id, one]));
  const wanted = new Set(declared.map((schedule) => scheduleId(owner, schedule.name)));
  const changes = declared.map((schedule) => changeFor(schedule, byId, owner));
  const removed = existing
    .filter((one) => one.owner === owner.taskQueue && !wanted.has(one.id))
    .map(({ id }): ScheduleChange => ({ change: 'remove', id, reasons: ['no longer declared'] }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...changes, ...removed];
}

function changeFor(
  schedule: DeclaredSchedule,
  byId: Map<string, ExistingSchedule>,
  owner: ScheduleOwner,
): ScheduleChange {
  const id = scheduleId(owner, schedule.name);
  const found = byId.get(id);
  if (!found) return { change: 'create', id, schedule, reasons: ['declared, and not there'] };
  if (found.owner !== owner.taskQueue) {
    const whose = found.owner === undefined ? 'was not made by Lifeboat' : `belongs to "${found.owner}"`;
    const reason = `a schedule with this id ${whose}: rename yours in lifeboat.yaml, or delete that one by hand`;
    return { change: 'conflict', id, reasons: [reason] };
  }
  const reasons = [
    ...(found.hash === declarationHash(schedule, owner) ? [] : ['declared otherwise']),
    ...(found.drift ?? []),
  ];
  // Only what the file says anew about pausing is carried out; else whoever paused it decides.
  const pauseChanged = found.declaredPaused !== undefined && found.declaredPaused !== schedule.paused;
  if (pauseChanged) reasons.push(schedule.paused ? 'declared as paused' : 'no longer declared as paused');
  const paused = pauseChanged ? schedule.paused : found.paused;
  if (reasons.length > 0) return { change: 'update', id, schedule, paused, reasons };
  return { change: 'unchanged', id, reasons: found.paused && !schedule.paused ? ['paused by hand'] : [] };
}
