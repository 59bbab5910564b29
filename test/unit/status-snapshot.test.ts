import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildObjectives, objectivesSchema } from '../../src/config/telemetry.ts';
import type { RetentionPolicy } from '../../src/model/retention.ts';
import { DAYS, type Observations, serviceViews } from '../../src/status/build-snapshot.ts';
import type { RepositoryView } from '../../src/status/catalog-watch.ts';
import { retentionOutlook } from '../../src/status/retention-outlook.ts';
import { type CatalogSet, verdictsOf } from '../../src/status/set-facts.ts';
import { known, type RunView, type ServiceView, unknown } from '../../src/status/snapshot.ts';

const NOW = new Date('2026-06-15T12:00:00Z');
const HOUR = 3_600_000;
const ago = (hours: number): string => new Date(NOW.getTime() - hours * HOUR).toISOString();

function set(hours: number, more: Partial<CatalogSet> = {}): CatalogSet {
  return {
    set: `set-${String(10_000 - hours).padStart(6, '0')}`,
    createdAt: ago(hours),
    completedAt: ago(hours - 0.1),
    state: 'complete',
    bytes: 100,
    durationSeconds: 360,
    services: [{ name: 'graph', kind: 'neo4j', bytes: 100, offlineSeconds: 12, frozenSeconds: 0 }],
    failures: [],
    workflowId: 'backup',
    runId: `run-${hours}`,
    held: false,
    verdicts: [],
    ...more,
  };
}

const repository = (
  name: string,
  sets: CatalogSet[],
  more: Partial<RepositoryView> = {},
): RepositoryView => ({
  name,
  kind: 'directory',
  location: `directory /${name}`,
  readAt: ago(0),
  triedAt: ago(0),
  sets,
  unreadable: [],
  leaving: 0,
  bytes: 0,
  freeBytes: null,
  ...more,
});

const run = (hours: number, outcome: RunView['outcome'], more: Partial<RunView> = {}): RunView => ({
  operation: 'backup',
  outcome,
  startedAt: ago(hours),
  services: ['graph'],
  workflowId: 'backup',
  runId: `run-${hours}`,
  ...more,
});

function view(
  repositories: RepositoryView[],
  runs: Observations['runs'] = known([]),
  timezone = 'UTC',
): ServiceView {
  const [graph] = serviceViews({
    now: NOW,
    timezone,
    services: [{ name: 'graph', kind: 'neo4j' }],
    objectives: buildObjectives(objectivesSchema.parse({ rpo: '26h' })),
    repositories,
    runs,
  });
  return graph!;
}

describe('how a service stands', () => {
  it('is good within its objective, stale beyond, and none without a good set', () => {
    assert.equal(view([repository('a', [set(25)])]).standing, 'good');
    assert.equal(view([repository('a', [set(27)])]).standing, 'stale');
    assert.equal(view([repository('a', [])]).standing, 'none');
    assert.equal(view([repository('a', [set(2, { state: 'partial' })])]).standing, 'none');
  });

  it('is not known while no repository could be read: never guessed', () => {
    const blind = view([repository('a', [], { readAt: null, error: 'No answer.' })]);
    assert.equal(blind.standing, 'unknown');
    assert.match(blind.sentence, /nobody knows how graph stands/);
    const half = view([repository('a', [set(40)]), repository('b', [], { error: 'No answer.' })]);
    assert.match(half.sentence, /The repository b can not be read, and may hold a newer one/);
  });

  it('goes by the newest verdict: a damaged set is not the last good one, in whichever repository that was found', () => {
    const damaged = set(2, { verdicts: [{ kind: 'verify', ok: false, at: ago(1) }] });
    const found = view([repository('a', [set(2), set(20)]), repository('b', [damaged, set(20)])]);
    assert.equal(found.lastGood?.set, set(20).set);
    assert.deepEqual(found.lastGood?.repositories, ['a', 'b']);
  });

  it('goes by no set that is dated in the future', () => {
    assert.equal(view([repository('a', [set(-48), set(27)])]).standing, 'stale');
  });

  it('is not well again by a set that was only read back, nor by a drill of some services', () => {
    const failed = { kind: 'drill', ok: false, at: ago(5) } as const;
    const read = set(2, { verdicts: [failed, { kind: 'verify', ok: true, at: ago(4) }] });
    assert.equal(view([repository('a', [read])]).standing, 'none');
    assert.equal(view([repository('a', [read])]).lastVerified, null);
    const inPart = set(2, { verdicts: [{ kind: 'drill', ok: true, inPart: true, at: ago(1) }] });
    const both = view([repository('a', [inPart, set(20, { verdicts: [failed] })])]);
    assert.equal(both.standing, 'drill-failed');
    assert.equal(both.lastGood?.set, inPart.set);
  });

  it('is in doubt after a drill that failed, and well again after one that passed', () => {
    const failed = set(20, { verdicts: [{ kind: 'drill', ok: false, at: ago(10) }] });
    assert.equal(view([repository('a', [set(2), failed])]).standing, 'drill-failed');
    const passed = set(2, { verdicts: [{ kind: 'drill', ok: true, at: ago(1), seconds: 9 }] });
    const well = view([repository('a', [passed, failed])]);
    assert.equal(well.standing, 'good');
    assert.equal(well.lastDrill?.seconds, 9);
    assert.equal(well.lastVerified?.at, ago(1));
  });
});

describe('what was found of a set', () => {
  it('is read from the marks; a drill that could not run is no verdict', () => {
    const mark = (kind: string, verdict: string, time: string) => ({ kind, verdict, time });
    const found = verdictsOf({
      set: 'x',
      manifestBytes: 1,
      held: false,
      tombstoned: false,
      verdicts: [
        mark('drill', 'not-run', '2026-01-04T00-00-00-000Z'),
        mark('drill', 'failed', '2026-01-03T00-00-00-000Z'),
        mark('verify', 'ok', '2026-01-02T03-04-05-678Z'),
        mark('other', 'ok', '2026-01-02T00-00-00-000Z'),
        mark('verify', 'ok', 'yesterday'),
        mark('drill', 'ok-in-part', '2026-01-01T00-00-00-000Z'),
      ],
    });
    assert.deepEqual(found, [
      { kind: 'drill', ok: true, inPart: true, at: '2026-01-01T00:00:00.000Z' },
      { kind: 'verify', ok: true, at: '2026-01-02T03:04:05.678Z' },
      { kind: 'drill', ok: false, at: '2026-01-03T00:00:00.000Z' },
    ]);
  });
});

describe('the calendar', () => {
  const day = (service: ServiceView, date: string) => service.days.find((each) => each.date === date);

  it('has a day for each of thirteen weeks, the last one today', () => {
    const { days } = view([repository('a', [])]);
    assert.equal(days.length, DAYS);
    assert.equal(days.at(-1)?.date, '2026-06-15');
  });

  it('counts a run once, whether its set, its workflow or both are known', () => {
    const runs = known([
      run(2, 'ok'),
      run(26, 'ok'),
      run(50, 'failed'),
      run(50, 'cancelled'),
      run(1, 'running'),
    ]);
    const graph = view([repository('a', [set(2)]), repository('b', [set(2)])], runs);
    assert.deepEqual(day(graph, '2026-06-15'), { date: '2026-06-15', ok: 1, partial: 0, failed: 0 });
    // Its set was pruned since.
    assert.deepEqual(day(graph, '2026-06-14'), { date: '2026-06-14', ok: 1, partial: 0, failed: 0 });
    assert.deepEqual(day(graph, '2026-06-13'), { date: '2026-06-13', ok: 0, partial: 0, failed: 1 });
  });

  it('shows a partial set as incomplete for what is in it, and as failed for what is missing', () => {
    const missing = set(2, {
      state: 'partial',
      services: [],
      failures: [{ service: 'graph', type: 'DumpFailed', message: '' }],
    });
    assert.equal(day(view([repository('a', [missing])]), '2026-06-15')?.failed, 1);
    assert.equal(day(view([repository('a', [set(2, { state: 'partial' })])]), '2026-06-15')?.partial, 1);
  });

  it('leaves out runs of other services and other operations', () => {
    const runs = known([
      run(2, 'failed', { services: ['vectors'] }),
      run(3, 'failed', { operation: 'prune' }),
    ]);
    assert.equal(day(view([repository('a', [])], runs), '2026-06-15')?.failed, 0);
  });

  it('has days in the configured time zone', () => {
    const late = [repository('a', [set(14)])]; // 22:00 UTC of the day before
    assert.equal(day(view(late, known([]), 'UTC'), '2026-06-14')?.ok, 1);
    assert.equal(day(view(late, known([]), 'Europe/Berlin'), '2026-06-15')?.ok, 1);
  });

  it('still shows what manifests say when Temporal can not be asked', () => {
    assert.equal(day(view([repository('a', [set(2)])], unknown('No answer.')), '2026-06-15')?.ok, 1);
  });
});

describe('retention’s future', () => {
  const policy: RetentionPolicy = { timezone: 'UTC', minimum: 1, keepDaily: 7 };
  const daily = Array.from({ length: 10 }, (_, index) => set(2 + index * 24));

  it('says what leaves now, what leaves when, and why the rest stays', async () => {
    const { sets, everyMs, more } = await retentionOutlook(daily, policy, NOW);
    assert.equal(everyMs, 24 * HOUR);
    assert.equal(more, 0);
    assert.deepEqual(
      sets.map(({ leavesInDays }) => leavesInDays),
      [7, 7, 5, 5, 3, 2, 1, 0, 0, 0],
    );
    assert.match(sets[0]?.reasons.join() ?? '', /the newest good set/);
    assert.equal(sets.at(-1)?.leavesBecause, 'no rule keeps it');
  });

  it('keeps held sets beyond', async () => {
    const { sets } = await retentionOutlook([...daily.slice(0, 3), set(900, { held: true })], policy, NOW);
    assert.equal(sets.at(-1)?.leavesInDays, null);
  });

  it('claims no future from one set, and looks only at so many', async () => {
    const one = await retentionOutlook([set(2)], policy, NOW);
    assert.equal(one.everyMs, null);
    assert.equal(one.sets[0]?.leavesInDays, null);
    const many = Array.from({ length: 300 }, (_, index) => set(2 + index));
    assert.equal((await retentionOutlook(many, policy, NOW)).more, 50);
  });

  it('leaves the event loop to others while it plans', async () => {
    let turns = 0;
    const turn = () => {
      turns += 1;
      if (turns < 1000) setImmediate(turn);
    };
    setImmediate(turn);
    await retentionOutlook(daily, policy, NOW);
    assert.ok(turns > 5);
  });
});
