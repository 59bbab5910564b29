import type { Client } from '@temporalio/client';
import type { Config } from '../config/config.ts';
import { policyFor } from '../config/retention.ts';
import type { Objectives } from '../config/telemetry.ts';
import { messageOf } from '../model/failures.ts';
import { DAYS, repositorySummary, serviceViews } from './build-snapshot.ts';
import type { CatalogWatch, RepositoryView } from './catalog-watch.ts';
import { type RetentionOutlook, retentionOutlook } from './retention-outlook.ts';
import { type Known, known, type StatusSnapshot, type StatusSource, unknown } from './snapshot.ts';
import { listRuns, listSchedules, listWorkers } from './temporal-runs.ts';

export interface StatusSourceOptions {
  config: () => Config;
  objectives: () => Objectives;
  catalog: CatalogWatch;
  /** Absent where there is no Temporal to ask. */
  client?: Client;
  temporalUi?: string;
  version: string;
}

/** A source that looks again from time to time, whoever asks. */
export interface RefreshingSource extends StatusSource {
  /** Look now; joins a look that is under way. Never fails. */
  refresh(): Promise<void>;
  start(everyMs: number): void;
  stop(): void;
}

/** Temporal is given up for one look after this time (milliseconds). */
const TEMPORAL_TIMEOUT_MS = 10_000;

/** The page's source: the catalog's last look and Temporal's lists, put together once a refresh and kept. */
export function statusSource(options: StatusSourceOptions): RefreshingSource {
  const outlooks = outlookMemory();
  let latest: StatusSnapshot | undefined;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const refresh = (): Promise<void> => {
    running ??= take(options, outlooks)
      .then(
        (snapshot) => {
          latest = snapshot;
        },
        // What is known stays; the page shows how old it is.
        () => undefined,
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  return {
    async snapshot() {
      if (!latest) await refresh();
      if (!latest) throw new Error('Nothing is known yet.');
      return latest;
    },
    refresh,
    start(everyMs) {
      void refresh();
      timer ??= setInterval(() => void refresh(), everyMs).unref();
      // One that is under way began before the catalog was read: what it makes does not hold that yet.
      options.catalog.onRefresh(() => void refresh().then(refresh));
    },
    stop: () => clearInterval(timer),
  };
}

async function take(options: StatusSourceOptions, outlooks: OutlookMemory): Promise<StatusSnapshot> {
  const config = options.config();
  const repositories = options.catalog.current();
  const now = new Date();
  const since = new Date(now.getTime() - DAYS * 86_400_000);
  const { taskQueue, namespace } = config.temporal;
  const [runs, workers, schedules] = await Promise.all([
    ask(options.client, (client) => listRuns(client, taskQueue, since)),
    ask(options.client, (client) => listWorkers(client, namespace, taskQueue)),
    ask(options.client, (client) => listSchedules(client)),
  ]);
  const timezone = config.retention?.policy.timezone ?? 'UTC';
  return {
    takenAt: now.toISOString(),
    version: options.version,
    timezone,
    services: serviceViews({
      now,
      timezone,
      services: config.services,
      objectives: options.objectives(),
      repositories,
      runs,
    }),
    repositories: repositories.map(repositorySummary),
    workers,
    runs,
    schedules,
    retention: await Promise.all(
      repositories.map(async (view) => ({
        repository: view.name,
        outlook: await outlooks(config, view, now),
      })),
    ),
    ...(options.temporalUi !== undefined && { temporalUi: { base: options.temporalUi, namespace } }),
  };
}

async function ask<T>(
  client: Client | undefined,
  question: (client: Client) => Promise<T>,
): Promise<Known<T>> {
  if (!client) return unknown('No Temporal server is configured here.');
  try {
    const deadline = Date.now() + TEMPORAL_TIMEOUT_MS;
    return known(await client.connection.withDeadline(deadline, () => question(client)));
  } catch (error) {
    return unknown(`Temporal could not be asked: ${messageOf(error)}`);
  }
}

type OutlookMemory = (config: Config, view: RepositoryView, now: Date) => Promise<Known<RetentionOutlook>>;

/** Planning again is needed only when the sets, the policy or the hour changed. */
function outlookMemory(): OutlookMemory {
  const memory = new Map<string, { key: string; outlook: Known<RetentionOutlook> }>();
  return async (config, view, now) => {
    if (!config.retention) return unknown('No retention is configured: every set stays.');
    if (view.readAt === null) return unknown('The repository could not be read yet.');
    const policy = policyFor(config.retention, view.name);
    const marks = view.sets.map((set) => `${set.set} ${set.held} ${set.verdicts.length}`);
    const key = JSON.stringify([policy, marks, Math.floor(now.getTime() / 3_600_000)]);
    const remembered = memory.get(view.name);
    if (remembered?.key === key) return remembered.outlook;
    const outlook = await retentionOutlook(view.sets, policy, now).then(known, (error) =>
      unknown(`The retention policy can not be followed: ${messageOf(error)}`),
    );
    memory.set(view.name, { key, outlook });
    return outlook;
  };
}
