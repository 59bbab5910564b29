import type { Scenario } from '../record.ts';
import { BACKUPS } from './backups.ts';
import { BROKEN_BACKUPS } from './broken-backups.ts';
import { CARE } from './care.ts';
import { DRILLS } from './drills.ts';
import { FLEETS } from './fleets.ts';
import { RESTORES } from './restores.ts';
import { VECTOR_RESTORES } from './vector-restores.ts';

/** Everything that is recorded: every workflow type, and the ways through it that differ. */
export const SCENARIOS: readonly Scenario[] = [
  ...BACKUPS,
  ...BROKEN_BACKUPS,
  ...RESTORES,
  ...VECTOR_RESTORES,
  ...DRILLS,
  ...CARE,
  ...FLEETS,
];
