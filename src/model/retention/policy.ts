/** Which sets of one group stay. What any rule keeps stays; durations are in milliseconds. */
export interface KeepRules {
  /** Every set, up to `maxAge` and `maxTotalBytes`. */
  keepAll?: boolean;
  keepLast?: number;
  /** The newest set of an hour, for this many hours that have one; likewise the others. */
  keepHourly?: number;
  keepDaily?: number;
  /** ISO weeks. */
  keepWeekly?: number;
  keepMonthly?: number;
  keepYearly?: number;
  /** Sets at most this much older than the newest good one of their group. */
  keepWithin?: number;
  /** Sets older than this leave, whatever keeps them; the floor and holds are stronger. */
  maxAge?: number;
}

/** A whole policy for one repository. */
export interface RetentionPolicy extends KeepRules {
  /** IANA name: the zone of hours, days, weeks, months and years. */
  timezone: string;
  /** Good sets of a group that no rule goes below. At least 1. */
  minimum: number;
  /** The oldest sets leave until all of the repository's are not larger than this (bytes). */
  maxTotalBytes?: number;
  /** Rules by service, in place of the general ones; a set stays when those of any of its services keep it. */
  services?: Record<string, KeepRules>;
}

/** The rules that keep something, by name. */
export const KEEP_RULES = [
  'keepLast',
  'keepHourly',
  'keepDaily',
  'keepWeekly',
  'keepMonthly',
  'keepYearly',
  'keepWithin',
] as const satisfies readonly (keyof KeepRules)[];

/** Whether any rule says which sets stay. `maxAge` alone does: younger ones stay. */
export function saysWhatStays(rules: KeepRules & { maxTotalBytes?: number }): boolean {
  return (
    rules.keepAll === true ||
    rules.maxAge !== undefined ||
    rules.maxTotalBytes !== undefined ||
    KEEP_RULES.some((rule) => (rules[rule] ?? 0) > 0)
  );
}
