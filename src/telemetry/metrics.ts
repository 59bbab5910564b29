import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Objectives, objectiveOf } from '../config/telemetry.ts';
import type { RepositoryView } from '../status/catalog-watch.ts';
import { type CatalogSet, isGood, lastDrillOf, type ServiceFacts, verifiedAt } from '../status/set-facts.ts';

/** Everything that Lifeboat tells Prometheus. What comes from the catalog is the same after a restart. */
export interface Metrics {
  registry: Registry;
  /** Let counters begin at zero for these: a rate misses the first of what appears with it. */
  expect(known: { channels: readonly string[]; services: readonly string[] }): void;
  /** Replace what is derived from the catalog. */
  catalogRead(views: readonly RepositoryView[], services: readonly string[], objectives: Objectives): void;
  /** A notification was sent, or given up. */
  notified(channel: string, outcome: 'sent' | 'failed'): void;
  /** The watchdog started a container that nobody owned any more. */
  watchdogStarted(service: string): void;
  /** A run ended in this process. */
  runEnded(operation: string, outcome: 'ok' | 'partial' | 'failed'): void;
}

/**
 * @param options.version of Lifeboat.
 * @param options.processMetrics also those of Node itself. Default true.
 */
export function createMetrics(options: { version: string; processMetrics?: boolean }): Metrics {
  const registry = new Registry();
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge<Label>({ name: `lifeboat_${name}`, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter<Label>({ name: `lifeboat_${name}`, help, labelNames, registers });

  gauge('build_info', 'Always 1; the version is a label.', ['version']).set({ version: options.version }, 1);

  // By service: when the data of its last good set was taken. The age grows between two looks, so it is told at the scrape.
  const dataTimes = new Map<string, number>();
  new Gauge({
    name: 'lifeboat_rpo_seconds',
    help: 'How old the data of the last good set is, at this moment.',
    labelNames: ['service'],
    registers,
    collect() {
      this.reset();
      for (const [service, at] of dataTimes) this.set({ service }, Math.max(0, (Date.now() - at) / 1000));
    },
  });

  const held = {
    lastSuccess: gauge(
      'last_success_timestamp_seconds',
      'When the last good set of a service was completed.',
      ['service', 'repository'],
    ),
    setBytes: gauge('set_bytes', 'Stored bytes of a service in its last good set.', [
      'service',
      'repository',
    ]),
    duration: gauge('backup_duration_seconds', 'How long the run of the last good set took.', ['service']),
    offline: gauge('offline_seconds', 'How long the service was down for its last good set.', ['service']),
    frozen: gauge('frozen_seconds', 'How long clients waited for the last good set.', ['service']),
    lastVerified: gauge('last_verified_timestamp_seconds', 'When a set of the service was last found good.', [
      'service',
    ]),
    verify: gauge('verify_verdict', '1 when the last verification found a good set, 0 when not.', [
      'service',
    ]),
    drill: gauge('drill_verdict', '1 when the last restore drill succeeded, 0 when not.', ['service']),
    lastDrill: gauge('last_drill_timestamp_seconds', 'When the last restore drill ended.', ['service']),
    rpoObjective: gauge('rpo_objective_seconds', 'How old it may get.', ['service']),
    rto: gauge('rto_seconds', 'How long the last successful restore drill took.', ['service']),
    rtoObjective: gauge('rto_objective_seconds', 'How long a restore may take, where that is configured.', [
      'service',
    ]),
    sets: gauge('sets', 'Sets by state: complete, partial, unreadable, leaving.', ['repository', 'state']),
    heldSets: gauge('held_sets', 'Sets that are pinned.', ['repository']),
    bytes: gauge('repository_bytes', 'Stored bytes of all sets.', ['repository']),
    free: gauge('repository_free_bytes', 'Free bytes, where the store tells.', ['repository']),
    up: gauge('repository_up', '1 when the last look at the repository succeeded.', ['repository']),
    read: gauge('repository_read_timestamp_seconds', 'When the repository was last read whole.', [
      'repository',
    ]),
  };
  const notifications = counter('notifications_total', 'Notifications by how they went.', [
    'channel',
    'outcome',
  ]);
  const watchdog = counter('watchdog_started_total', 'Containers that the watchdog had to start.', [
    'service',
  ]);
  const runs = counter('runs_total', 'Runs that ended since this process began.', ['operation', 'outcome']);

  function catalogRead(
    views: readonly RepositoryView[],
    services: readonly string[],
    objectives: Objectives,
  ): void {
    for (const each of Object.values(held)) each.reset();
    dataTimes.clear();
    for (const view of views) repositoryRead(view);
    const known = views.filter(({ readAt }) => readAt !== null);
    for (const service of services) {
      const { rpoMs, rtoMs } = objectiveOf(objectives, service);
      held.rpoObjective.set({ service }, rpoMs / 1000);
      if (rtoMs !== undefined) held.rtoObjective.set({ service }, rtoMs / 1000);
      for (const { name, sets } of known) {
        const last = lastGoodOf(sets, service);
        if (!last) continue;
        held.lastSuccess.set({ service, repository: name }, seconds(last.set.completedAt));
        held.setBytes.set({ service, repository: name }, last.facts.bytes);
      }
      serviceRead(
        service,
        known.flatMap(({ sets }) => sets),
      );
    }
  }

  function repositoryRead(view: RepositoryView): void {
    const repository = view.name;
    held.up.set({ repository }, view.error === undefined ? 1 : 0);
    if (view.readAt === null) return;
    const count = (state: CatalogSet['state']) => view.sets.filter((set) => set.state === state).length;
    held.read.set({ repository }, seconds(view.readAt));
    held.sets.set({ repository, state: 'complete' }, count('complete'));
    held.sets.set({ repository, state: 'partial' }, count('partial'));
    held.sets.set({ repository, state: 'unreadable' }, view.unreadable.length);
    held.sets.set({ repository, state: 'leaving' }, view.leaving);
    held.heldSets.set({ repository }, view.sets.filter((set) => set.held).length);
    held.bytes.set({ repository }, view.bytes);
    if (view.freeBytes !== null) held.free.set({ repository }, view.freeBytes);
  }

  function serviceRead(service: string, sets: CatalogSet[]): void {
    const last = lastGoodOf(sets, service);
    if (last) {
      const { facts, set } = last;
      held.duration.set({ service }, set.durationSeconds);
      held.offline.set({ service }, facts.offlineSeconds);
      held.frozen.set({ service }, facts.frozenSeconds);
      dataTimes.set(service, Date.parse(set.createdAt));
    }
    const mine = sets.filter((set) => factsIn(set, service));
    const verified = mine.flatMap((set) => verifiedAt(set) ?? []).sort();
    if (verified.length > 0) held.lastVerified.set({ service }, seconds(verified.at(-1)!));
    const verdicts = mine.flatMap((set) => set.verdicts).sort((a, b) => a.at.localeCompare(b.at));
    const verify = verdicts.findLast(({ kind }) => kind === 'verify');
    const drill = lastDrillOf(verdicts);
    if (verify) held.verify.set({ service }, verify.ok ? 1 : 0);
    if (drill) {
      held.drill.set({ service }, drill.ok ? 1 : 0);
      held.lastDrill.set({ service }, seconds(drill.at));
      const took = verdicts.findLast(({ kind, ok, seconds: s }) => kind === 'drill' && ok && s !== undefined);
      if (took?.seconds !== undefined) held.rto.set({ service }, took.seconds);
    }
  }

  for (const operation of OPERATIONS) {
    for (const outcome of ['ok', 'partial', 'failed']) runs.inc({ operation, outcome }, 0);
  }

  return {
    registry,
    expect({ channels, services }) {
      for (const channel of channels) {
        for (const outcome of ['sent', 'failed']) notifications.inc({ channel, outcome }, 0);
      }
      for (const service of services) watchdog.inc({ service }, 0);
    },
    catalogRead,
    notified: (channel, outcome) => notifications.inc({ channel, outcome }),
    watchdogStarted: (service) => watchdog.inc({ service }),
    runEnded: (operation, outcome) => runs.inc({ operation, outcome }),
  };
}

/** Runs that are counted as they end. */
const OPERATIONS = ['backup', 'verify', 'drill', 'restore'];

const seconds = (time: string): number => Date.parse(time) / 1000;

const factsIn = (set: CatalogSet, service: string): ServiceFacts | undefined =>
  set.services.find(({ name }) => name === service);

/** The newest good set that holds a service. */
function lastGoodOf(
  sets: readonly CatalogSet[],
  service: string,
): { set: CatalogSet; facts: ServiceFacts } | undefined {
  let last: { set: CatalogSet; facts: ServiceFacts } | undefined;
  for (const set of sets) {
    const facts = isGood(set, Date.now()) ? factsIn(set, service) : undefined;
    if (facts && (!last || Date.parse(set.createdAt) > Date.parse(last.set.createdAt))) last = { set, facts };
  }
  return last;
}
