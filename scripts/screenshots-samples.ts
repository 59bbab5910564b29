import { buildObjectives, objectivesSchema } from '../src/config/telemetry.ts';
import { planRetention, type RetentionPolicy } from '../src/model/retention.ts';
import { DAYS, repositorySummary, serviceViews } from '../src/status/build-snapshot.ts';
import type { RepositoryView } from '../src/status/catalog-watch.ts';
import { retentionOutlook } from '../src/status/retention-outlook.ts';
import type { CatalogSet } from '../src/status/set-facts.ts';
import { known, type RunView, type StatusSnapshot, unknown } from '../src/status/snapshot.ts';

/** The situations that the page is shown in. */
export const SITUATIONS = ['healthy', 'stale', 'failed-drill', 'blind', 'empty'] as const;
export type Situation = (typeof SITUATIONS)[number];

const DAY = 86_400_000;
const GIB = 2 ** 30;

/** The same numbers each time. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const POLICY: RetentionPolicy = {
  timezone: 'Europe/Berlin',
  minimum: 2,
  keepLast: 3,
  keepDaily: 14,
  keepWeekly: 8,
  keepMonthly: 6,
};
const OFFSITE: RetentionPolicy = { ...POLICY, keepDaily: 120 };

function setOn(now: Date, back: number, roll: () => number): CatalogSet {
  const created = now.getTime() - back * DAY - 3.2 * 3_600_000;
  const id = `${new Date(created).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${Math.floor(roll() * 1e9)
    .toString(36)
    .padStart(6, '0')
    .slice(0, 6)}`;
  const growth = 1 + (DAYS - back) / 160;
  const graph = Math.round(1.9 * GIB * growth * (0.98 + roll() * 0.04));
  const vectors = Math.round(0.7 * GIB * growth * (0.95 + roll() * 0.1));
  const duration = 95 + roll() * 60 + (back === 40 ? 300 : 0);
  return {
    set: id,
    createdAt: new Date(created).toISOString(),
    completedAt: new Date(created + duration * 1000).toISOString(),
    state: 'complete',
    bytes: graph + vectors,
    durationSeconds: duration,
    services: [
      { name: 'graph', kind: 'neo4j', bytes: graph, offlineSeconds: 11 + roll() * 9, frozenSeconds: 0 },
      { name: 'vectors', kind: 'qdrant', bytes: vectors, offlineSeconds: 0, frozenSeconds: 0 },
    ],
    failures: [],
    workflowId: 'backup',
    runId: `run-${back}`,
    held: back === 33,
    verdicts: [],
  };
}

function history(now: Date, situation: Situation): CatalogSet[] {
  const roll = dice(7);
  const sets: CatalogSet[] = [];
  for (let back = 0; back < DAYS - 6; back += 1) {
    const set = setOn(now, back, roll);
    if ([22, 23, 57].includes(back)) continue;
    if (situation === 'stale' && back < 3) continue;
    if ([12, 64].includes(back)) {
      set.state = 'partial';
      set.services = set.services.filter(({ name }) => name === 'graph');
      set.failures = [
        { service: 'vectors', type: 'QdrantUnreachable', message: 'No answer from the server.' },
      ];
    }
    if (back % 7 === 1) {
      const at = new Date(Date.parse(set.completedAt) + 2 * 3_600_000).toISOString();
      const ok = !(situation === 'failed-drill' && back === 1);
      set.verdicts.push({ kind: 'drill', ok, at, ...(ok && { seconds: 400 + back * 3 }) });
    } else if (back % 3 === 0) {
      set.verdicts.push({
        kind: 'verify',
        ok: true,
        at: new Date(Date.parse(set.completedAt) + 3_600_000).toISOString(),
      });
    }
    sets.push(set);
  }
  return sets;
}

function runsOf(now: Date, sets: readonly CatalogSet[], situation: Situation): RunView[] {
  const runs: RunView[] = sets.map((set) => ({
    operation: 'backup',
    outcome: set.state === 'partial' ? 'partial' : 'ok',
    startedAt: set.createdAt,
    finishedAt: set.completedAt,
    services: ['graph', 'vectors'],
    set: set.set,
    workflowId: set.workflowId,
    runId: set.runId,
  }));
  const failed = situation === 'stale' ? [0, 1, 2, 22] : [22];
  for (const back of failed) {
    const at = now.getTime() - back * DAY - 3.2 * 3_600_000;
    runs.push({
      operation: 'backup',
      outcome: 'failed',
      startedAt: new Date(at).toISOString(),
      finishedAt: new Date(at + 31_000).toISOString(),
      services: ['graph', 'vectors'],
      workflowId: 'backup',
      runId: `failed-${back}`,
    });
  }
  for (const set of sets) {
    for (const verdict of set.verdicts) {
      runs.push({
        operation: verdict.kind,
        outcome: verdict.ok ? 'ok' : 'failed',
        startedAt: new Date(Date.parse(verdict.at) - (verdict.seconds ?? 41) * 1000).toISOString(),
        finishedAt: verdict.at,
        services: [],
        workflowId: verdict.kind,
        runId: `${verdict.kind}-${set.runId}`,
      });
    }
  }
  return runs.sort((a, b) => b.startedAt.localeCompare(a.startedAt));
}

/** What the pruning of the day before left. */
function prunedYesterday(sets: readonly CatalogSet[], policy: RetentionPolicy, now: Date): CatalogSet[] {
  const asked = sets.map((set) => ({
    ...set,
    id: set.set,
    services: ['graph', 'vectors'],
  }));
  const past = asked.filter(({ createdAt }) => Date.parse(createdAt) < now.getTime() - DAY);
  const gone = new Set(
    planRetention(
      past.map(({ verdicts: _, ...set }) => set),
      policy,
      new Date(now.getTime() - DAY),
    ).expire.map(({ set }) => set.id),
  );
  return sets.filter(({ set }) => !gone.has(set));
}

/** A snapshot of a stack that was backed up for three months, in some situation. */
export async function sampleSnapshot(situation: Situation, now = new Date()): Promise<StatusSnapshot> {
  const sets = situation === 'empty' ? [] : history(now, situation);
  const blind = situation === 'blind';
  const runs = blind
    ? unknown('Temporal could not be asked: 14 UNAVAILABLE: connection refused.')
    : known(runsOf(now, sets, situation));
  const near = prunedYesterday(sets, POLICY, now);
  const local: RepositoryView = {
    name: 'local',
    kind: 'directory',
    location: 'directory /var/backups/lifeboat',
    readAt: now.toISOString(),
    triedAt: now.toISOString(),
    sets: near,
    unreadable: [],
    leaving: 0,
    bytes: near.reduce((sum, set) => sum + set.bytes, 0),
    freeBytes: 311 * GIB,
  };
  const offsite: RepositoryView = {
    ...local,
    name: 'offsite',
    kind: 's3',
    location: 's3://backups/lifeboat',
    freeBytes: null,
    sets,
    bytes: sets.reduce((sum, set) => sum + set.bytes, 0),
    ...(blind && {
      readAt: new Date(now.getTime() - 5 * 3_600_000).toISOString(),
      error: 'The repository "offsite" (s3://backups/lifeboat) does not answer.',
    }),
  };
  const repositories = [local, offsite];
  const objectives = buildObjectives(
    objectivesSchema.parse({ rpo: '26h', rto: '15m', verifiedWithin: '8d' }),
  );
  const services = [
    { name: 'graph', kind: 'neo4j' as const },
    { name: 'vectors', kind: 'qdrant' as const },
  ];
  const timezone = POLICY.timezone;
  return {
    takenAt: now.toISOString(),
    version: '0.1.0',
    timezone,
    services: serviceViews({ now, timezone, services, objectives, repositories, runs }),
    repositories: repositories.map(repositorySummary),
    workers: blind ? unknown('Temporal could not be asked.') : known(['lifeboat@db-1']),
    runs,
    schedules: blind
      ? unknown('Temporal could not be asked: 14 UNAVAILABLE: connection refused.')
      : known([
          {
            id: 'watchdog',
            operation: 'watchdog',
            paused: false,
            nextAt: new Date(now.getTime() + 140_000).toISOString(),
          },
          {
            id: 'nightly',
            operation: 'backup',
            paused: false,
            nextAt: new Date(now.getTime() + 20.8 * 3_600_000).toISOString(),
          },
          {
            id: 'weekly-drill',
            operation: 'drill',
            paused: true,
            nextAt: null,
            note: 'paused while the disk is exchanged',
          },
        ]),
    retention: await Promise.all(
      repositories.map(async ({ name, sets: there }) => ({
        repository: name,
        outlook: known(await retentionOutlook(there, name === 'local' ? POLICY : OFFSITE, now)),
      })),
    ),
    temporalUi: { base: 'http://127.0.0.1:8233', namespace: 'default' },
  };
}
