import { DateTime } from 'luxon';
import { type Objectives, objectiveOf } from '../config/telemetry.ts';
import type { RepositoryView } from './catalog-watch.ts';
import { type CatalogSet, found as foundIn, isGood, lastDrillOf } from './set-facts.ts';
import type {
  DayView,
  GoodSet,
  HistoryPoint,
  Known,
  RepositorySummary,
  RunView,
  ServiceView,
  Standing,
} from './snapshot.ts';

/** How far back the calendar and the plots go (days): 13 weeks. */
export const DAYS = 91;

/** What is known of services is worked out from this. */
export interface Observations {
  now: Date;
  timezone: string;
  services: { name: string; kind: 'neo4j' | 'qdrant' }[];
  objectives: Objectives;
  repositories: readonly RepositoryView[];
  runs: Known<RunView[]>;
}

/** A set with all the repositories that hold it. */
interface SpreadSet extends CatalogSet {
  repositories: string[];
}

/** The services at a glance. Pure. */
export function serviceViews(seen: Observations): ServiceView[] {
  const sets = spread(seen.repositories);
  return seen.services.map((service) => serviceView(seen, service, sets));
}

/** One entry a set, newest first; what was found of it in any repository counts, since its bytes are the same. */
function spread(repositories: readonly RepositoryView[]): SpreadSet[] {
  const bySet = new Map<string, SpreadSet>();
  for (const repository of repositories) {
    for (const set of repository.sets) {
      const there = bySet.get(set.set);
      if (!there) {
        bySet.set(set.set, { ...set, repositories: [repository.name] });
        continue;
      }
      there.repositories.push(repository.name);
      there.verdicts = [...there.verdicts, ...set.verdicts].sort((a, b) => a.at.localeCompare(b.at));
    }
  }
  return [...bySet.values()].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
}

function serviceView(
  seen: Observations,
  { name, kind }: Observations['services'][number],
  sets: readonly SpreadSet[],
): ServiceView {
  const mine = sets.filter((set) => set.services.some((service) => service.name === name));
  const good = mine.find((set) => isGood(set, seen.now.getTime()));
  const found = mine
    .flatMap((set) => set.verdicts.map((verdict) => ({ ...verdict, set: set.set, createdAt: set.createdAt })))
    .sort((a, b) => a.at.localeCompare(b.at));
  const damaged = new Set(mine.filter((set) => foundIn(set) === 'failed').map(({ set }) => set));
  const lastDrill = lastDrillOf(found) ?? null;
  const lastGood = good ? goodSet(good, name) : null;
  const objective = objectiveOf(seen.objectives, name);
  return {
    name,
    kind,
    ...standingOf(seen, name, lastGood, lastDrill, objective.rpoMs),
    ...objective,
    lastGood,
    // One of a set against which a failure stands proves nothing.
    lastVerified: found.findLast(({ ok, set }) => ok && !damaged.has(set)) ?? null,
    lastDrill,
    days: daysOf(seen, name, sets),
    history: historyOf(seen, name, mine),
  };
}

function goodSet(set: SpreadSet, service: string): GoodSet {
  const bytes = set.services.find(({ name }) => name === service)?.bytes ?? 0;
  const { createdAt, repositories, workflowId, runId } = set;
  return { set: set.set, createdAt, bytes, repositories, workflowId, runId };
}

function standingOf(
  seen: Observations,
  service: string,
  lastGood: GoodSet | null,
  lastDrill: { ok: boolean; set: string } | null,
  rpoMs: number,
): { standing: Standing; sentence: string } {
  const blind = seen.repositories.filter(({ error }) => error !== undefined).map(({ name }) => name);
  const but =
    blind.length > 0 ? ` The repository ${blind.join(', ')} can not be read, and may hold a newer one.` : '';
  if (!lastGood && seen.repositories.every(({ readAt }) => readAt === null)) {
    return {
      standing: 'unknown',
      sentence: `No repository could be read yet, so nobody knows how ${service} stands.`,
    };
  }
  if (!lastGood) return { standing: 'none', sentence: `There is no good set of ${service}.${but}` };
  if (seen.now.getTime() - Date.parse(lastGood.createdAt) > rpoMs) {
    const sentence = `The last good set of ${service} is older than its objective.${but}`;
    return { standing: 'stale', sentence };
  }
  if (lastDrill && !lastDrill.ok) {
    return {
      standing: 'drill-failed',
      sentence: `The last restore drill of ${service} failed, on the set ${lastDrill.set}.`,
    };
  }
  return { standing: 'good', sentence: `${service} has a good set within its objective.` };
}

function daysOf(seen: Observations, service: string, sets: readonly SpreadSet[]): DayView[] {
  const zone = seen.timezone;
  const today = DateTime.fromJSDate(seen.now, { zone });
  const days = new Map<string, DayView>();
  for (let back = DAYS - 1; back >= 0; back -= 1) {
    const date = today.minus({ days: back }).toISODate() ?? '';
    days.set(date, { date, ok: 0, partial: 0, failed: 0 });
  }
  const count = (at: string, how: 'ok' | 'partial' | 'failed') => {
    const day = days.get(DateTime.fromISO(at, { zone }).toISODate() ?? '');
    if (day) day[how] += 1;
  };
  const counted = new Set<string>();
  for (const set of sets) {
    const failed = set.failures.some((failure) => failure.service === service);
    if (!failed && !set.services.some(({ name }) => name === service)) continue;
    counted.add(set.runId);
    count(set.createdAt, failed ? 'failed' : set.state === 'complete' ? 'ok' : 'partial');
  }
  for (const run of seen.runs.known ? seen.runs.value : []) {
    const concerns = run.services.length === 0 || run.services.includes(service);
    // A success is told by its set; one whose set is gone again (pruned) still was one.
    if (run.operation !== 'backup' || !concerns || counted.has(run.runId)) continue;
    if (run.outcome === 'failed' || run.outcome === 'ok' || run.outcome === 'partial') {
      count(run.startedAt, run.outcome);
    }
  }
  return [...days.values()];
}

function historyOf(seen: Observations, service: string, mine: readonly SpreadSet[]): HistoryPoint[] {
  const from = seen.now.getTime() - DAYS * 86_400_000;
  return mine
    .filter((set) => Date.parse(set.createdAt) >= from)
    .map((set) => {
      const facts = set.services.find(({ name }) => name === service);
      return {
        at: set.createdAt,
        set: set.set,
        bytes: facts?.bytes ?? 0,
        durationSeconds: set.durationSeconds,
        offlineSeconds: facts?.offlineSeconds ?? 0,
        frozenSeconds: facts?.frozenSeconds ?? 0,
      };
    })
    .reverse();
}

/** A repository without its sets. */
export function repositorySummary({ sets, ...view }: RepositoryView): RepositorySummary {
  return {
    ...view,
    sets: sets.length,
    partial: sets.filter(({ state }) => state === 'partial').length,
    held: sets.filter(({ held }) => held).length,
  };
}
