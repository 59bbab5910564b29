import { LifeboatError } from './failures.ts';
import { calendarBucket, type Period } from './retention/calendar.ts';
import { type KeepRules, type RetentionPolicy, saysWhatStays } from './retention/policy.ts';

export type { KeepRules, RetentionPolicy } from './retention/policy.ts';

/** What retention knows of a set: its recorded facts, never a file's name or time. */
export interface RetentionSet {
  id: string;
  /** When the run began, as its manifest says (ISO 8601). */
  createdAt: string;
  /** Every service that the set was meant to hold, also those that are missing from a partial one. */
  services: readonly string[];
  state: 'complete' | 'partial';
  /** Stored bytes of all its artifacts. */
  bytes: number;
  /** What verifications and drills came to; absent when there was none. */
  verdict?: 'passed' | 'failed';
  /** Pinned: never expires. */
  held?: boolean;
}

export interface RetentionPlan {
  /** Newest first; every reason in words. */
  keep: { set: RetentionSet; reasons: string[] }[];
  /** Oldest first, the order in which to prune. */
  expire: { set: RetentionSet; reason: string }[];
}

/** A set under consideration. */
interface Candidate {
  set: RetentionSet;
  time: number;
  /** Complete, and no verification found it damaged. */
  good: boolean;
  /** Recorded later than now: kept, and no part of any count. */
  future: boolean;
  reasons: string[];
  /** Kept by something that maximum age and total size do not cross. */
  firm: boolean;
}

/**
 * Which sets stay and which leave, with the reason for each. Pure: the same sets, policy and time give the same plan, in
 * whatever order the sets come.
 *
 * Sets of different services are counted apart. What any rule keeps stays; `maxAge` and `maxTotalBytes` take sets away again.
 * Nothing crosses holds and the floor: in each group the `minimum` newest good sets and the newest verified one. A partial or
 * damaged set stays until a newer good one of the same services (or more) is kept.
 * @throws {LifeboatError} `InvalidConfiguration` for a policy without a rule, a `minimum` below 1 or an unreadable time.
 */
export function planRetention(
  sets: readonly RetentionSet[],
  policy: RetentionPolicy,
  now: Date,
): RetentionPlan {
  refuseEmpty(policy);
  const candidates = sets.map((set) => candidateOf(set, now)).sort(newestFirst);
  for (const group of groupsOf(candidates)) keepInGroup(group, policy, now);
  keepWhatNothingReplaces(candidates);
  const tooLarge = overTotalSize(candidates, policy.maxTotalBytes);

  const plan: RetentionPlan = { keep: [], expire: [] };
  for (const candidate of candidates) {
    const { set, reasons } = candidate;
    if (reasons.length > 0 && !tooLarge.has(candidate)) plan.keep.push({ set, reasons });
    else plan.expire.push({ set, reason: whyItLeaves(candidate, policy, now, tooLarge.has(candidate)) });
  }
  plan.expire.reverse();
  return plan;
}

function refuseEmpty(policy: RetentionPolicy): void {
  const rules = { the: policy, ...policy.services };
  for (const [name, one] of Object.entries(rules)) {
    if (saysWhatStays(one)) continue;
    throw new LifeboatError(
      'InvalidConfiguration',
      `${name === 'the' ? 'The retention policy' : `The retention policy of the service "${name}"`} would keep nothing: give a keep rule above 0, maxAge or maxTotalSize, or keepAll.`,
    );
  }
  if (!(policy.minimum >= 1)) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `The retention policy has the minimum ${policy.minimum}: it must be at least 1, so that the last good set stays.`,
    );
  }
}

function candidateOf(set: RetentionSet, now: Date): Candidate {
  const time = Date.parse(set.createdAt);
  if (Number.isNaN(time)) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `The set "${set.id}" records the time "${set.createdAt}", which can not be read: nothing is planned.`,
    );
  }
  const future = time > now.getTime();
  const good = set.state === 'complete' && set.verdict !== 'failed';
  const reasons = [...(set.held ? ['held'] : []), ...(future ? ['its recorded time is in the future'] : [])];
  return { set, time, good, future, reasons, firm: reasons.length > 0 };
}

/** By recorded time, then by id, so that equal times have one order. */
const newestFirst = (a: Candidate, b: Candidate): number =>
  b.time - a.time || (a.set.id < b.set.id ? 1 : a.set.id > b.set.id ? -1 : 0);

const groupKey = (set: RetentionSet): string => JSON.stringify([...new Set(set.services)].sort());

function groupsOf(candidates: Candidate[]): Candidate[][] {
  return [...Map.groupBy(candidates, (candidate) => groupKey(candidate.set)).values()];
}

/** Give reasons to the good sets of one group (newest first). */
function keepInGroup(group: Candidate[], policy: RetentionPolicy, now: Date): void {
  const counted = group.filter((candidate) => candidate.good && !candidate.future);
  for (const candidate of counted.slice(0, policy.minimum)) {
    candidate.reasons.push(
      policy.minimum === 1 ? 'the newest good set' : `one of the ${policy.minimum} newest good sets`,
    );
    candidate.firm = true;
  }
  const verified = counted.find((candidate) => candidate.set.verdict === 'passed');
  if (verified) {
    verified.reasons.push('the newest verified set');
    verified.firm = true;
  }
  for (const rules of rulesOf(group, policy)) {
    const limit = rules.maxAge === undefined ? Number.NEGATIVE_INFINITY : now.getTime() - rules.maxAge;
    for (const [candidate, reason] of keptBy(rules, counted, policy.timezone)) {
      if (candidate.time >= limit && !candidate.reasons.includes(reason)) candidate.reasons.push(reason);
    }
  }
}

/** The rules for a group: those of each of its services, the general ones for services without their own. */
function rulesOf(group: Candidate[], policy: RetentionPolicy): KeepRules[] {
  const services = group[0]?.set.services ?? [];
  const own = services.map((service) =>
    // A service can be called like something that every object has, such as `constructor`.
    policy.services && Object.hasOwn(policy.services, service)
      ? (policy.services[service] as KeepRules)
      : policy,
  );
  return [...new Set(own.length === 0 ? [policy] : own)];
}

const PERIODS = {
  keepHourly: 'hour',
  keepDaily: 'day',
  keepWeekly: 'week',
  keepMonthly: 'month',
  keepYearly: 'year',
} as const satisfies Partial<Record<keyof KeepRules, Period>>;

/** Every set (newest first) that some rule keeps, with the reason. */
function* keptBy(rules: KeepRules, sets: Candidate[], zone: string): Generator<[Candidate, string]> {
  const onlyLimits = rules.keepAll === true || !hasKeepRule(rules);
  if (onlyLimits) {
    for (const set of sets) yield [set, rules.keepAll ? 'keepAll' : 'within the limits'];
  }
  for (const set of sets.slice(0, rules.keepLast ?? 0)) yield [set, `keepLast ${rules.keepLast}`];
  const newest = sets[0];
  if (rules.keepWithin !== undefined && newest) {
    for (const set of sets) if (newest.time - set.time <= rules.keepWithin) yield [set, 'keepWithin'];
  }
  for (const [rule, period] of Object.entries(PERIODS) as [keyof typeof PERIODS, Period][]) {
    const wanted = rules[rule] ?? 0;
    if (wanted === 0) continue;
    const seen = new Set<string>();
    for (const set of sets) {
      const bucket = calendarBucket(set.time, period, zone);
      if (seen.has(bucket)) continue;
      seen.add(bucket);
      if (seen.size > wanted) break;
      yield [set, `${rule} ${wanted} (${bucket})`];
    }
  }
}

const hasKeepRule = (rules: KeepRules): boolean =>
  Object.keys(PERIODS).some((rule) => (rules[rule as keyof typeof PERIODS] ?? 0) > 0) ||
  (rules.keepLast ?? 0) > 0 ||
  rules.keepWithin !== undefined;

/** Partial and damaged sets stay while no newer good set that is kept has all of their services. */
function keepWhatNothingReplaces(candidates: Candidate[]): void {
  const kept = candidates.filter(
    (candidate) => candidate.good && !candidate.future && candidate.reasons.length > 0,
  );
  for (const candidate of candidates) {
    if (candidate.good || candidate.future) continue;
    const replaced = kept.some(
      (other) =>
        other.time > candidate.time &&
        candidate.set.services.every((service) => other.set.services.includes(service)),
    );
    if (replaced) continue;
    candidate.reasons.push('no newer good set of its services');
    candidate.firm = true;
  }
}

/** The oldest sets, until the rest is not larger than the limit. */
function overTotalSize(candidates: Candidate[], limit: number | undefined): Set<Candidate> {
  const leaving = new Set<Candidate>();
  if (limit === undefined) return leaving;
  const kept = candidates.filter((candidate) => candidate.reasons.length > 0);
  let total = kept.reduce((sum, candidate) => sum + candidate.set.bytes, 0);
  for (const candidate of kept.toReversed()) {
    if (total <= limit) break;
    if (candidate.firm) continue;
    leaving.add(candidate);
    total -= candidate.set.bytes;
  }
  return leaving;
}

function whyItLeaves(candidate: Candidate, policy: RetentionPolicy, now: Date, tooLarge: boolean): string {
  if (tooLarge) return 'the sets together are larger than maxTotalSize, and it is among the oldest';
  if (candidate.set.state === 'partial') return 'partial, and a newer good set has all of its services';
  if (!candidate.good) return 'damaged, and a newer good set has all of its services';
  const oldest = Math.max(
    ...rulesOf([candidate], policy).map((rules) => rules.maxAge ?? Number.POSITIVE_INFINITY),
  );
  return now.getTime() - candidate.time > oldest ? 'older than maxAge' : 'no rule keeps it';
}
