import type { CaptureMode } from '../../../src/model/capture-mode.ts';
import { type Chance, chanceOf } from './chance.ts';
import { aimOf, FAULTS, type FaultName } from './fault-names.ts';
import { OPERATIONS, type OperationName, type PlannedOperation, planOperation } from './operations.ts';

/** When a fault comes: by what happens in the round, not by the clock, so that a seed replays the same. */
export interface Moment {
  activity: string;
  /** Held right before its work or right after it (nobody has heard of it yet) until the fault is there, or while it goes on. */
  when: 'before' | 'during' | 'after';
  /** Milliseconds from the beginning of an activity that goes on. */
  delayMs: number;
}

export interface PlannedFault {
  name: FaultName;
  moment: Moment;
  /** Decides what is left to chance in it. */
  chance: Chance;
}

/** Everything that is decided of a round; the same seed gives the same. */
export interface RoundPlan {
  seed: number;
  /** How backups of this round take the bytes of Neo4j. */
  mode: CaptureMode;
  /** The first is the one that faults are aimed at; a second one starts with it. */
  operations: PlannedOperation[];
  faults: PlannedFault[];
}

/** The seed of a campaign's n-th round, counted from 0: what is printed replays that round alone as the first one. */
export const roundSeed = (seed: number, round: number): number => (seed + round) % 2 ** 31;

/** @param only the one fault of the round. Default: by the seed; as many rounds in a row as there are kinds meet every kind. */
export function planRound(seed: number, only?: FaultName): RoundPlan {
  const chance = chanceOf(seed, 'round');
  const first = only ?? FAULT_NAMES[seed % FAULT_NAMES.length]!;
  const names = [first];
  const second = chance.pick(FAULT_NAMES.filter((name) => name !== first));
  if (only === undefined && chance.happens(0.75) && fit(first, second)) names.push(second);
  const suited = suitedTo(names);
  const operation = chance.pick(suited);
  const mode = chanceOf(seed, 'mode').pick(MODES);
  const part = planOperation(operation, chanceOf(seed, 'aimed'), mode);
  const aimed = names.every((name) => momentsOf(name, part).length > 0)
    ? part
    : planOperation(operation, chanceOf(seed, 'aimed'), mode, true);
  const beside = planOperation(chance.pick(OPERATIONS), chanceOf(seed, 'beside'), mode);
  return {
    seed,
    mode,
    operations: chance.happens(0.4) ? [aimed, beside] : [aimed],
    faults: names.map((name, index) => {
      const own = chanceOf(seed, `fault ${index}`);
      return { name, moment: momentOf(name, aimed, own), chance: own };
    }),
  };
}

/** The mode with the fewest steps as often as both others. */
const MODES = ['dump', 'dump', 'copy', 'freeze'] as const;

const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** Operations in which all of these faults mean something. */
function suitedTo(names: FaultName[]): OperationName[] {
  return USUAL.filter((operation) => names.every((name) => suits(name, operation)));
}

const fit = (first: FaultName, second: FaultName): boolean => suitedTo([first, second]).length > 0;

const suits = (name: FaultName, operation: OperationName): boolean =>
  aimOf(name).operations?.includes(operation) ?? true;

/** Backups and restores more often than the rest. */
const USUAL: readonly OperationName[] = ['backup', 'backup', 'restore', 'restore', ...OPERATIONS.slice(2)];

function momentsOf(name: FaultName, { activities }: PlannedOperation): readonly string[] {
  const { moments } = aimOf(name);
  return activities.filter((activity) => moments?.includes(activity) ?? true);
}

function momentOf(name: FaultName, operation: PlannedOperation, chance: Chance): Moment {
  const { when } = aimOf(name);
  return {
    activity: chance.pick(momentsOf(name, operation)),
    when: when ?? chance.pick(['before', 'during', 'after'] as const),
    delayMs: chance.whole(0, 1500),
  };
}
