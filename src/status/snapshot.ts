import type { RepositoryView } from './catalog-watch.ts';
import type { RetentionOutlook } from './retention-outlook.ts';
import type { VerdictFacts } from './set-facts.ts';

/** Something that may not be known, and then why: the page says that instead of guessing. */
export type Known<T> = { known: true; value: T } | { known: false; why: string };

export const known = <T>(value: T): Known<T> => ({ known: true, value });
export const unknown = (why: string): { known: false; why: string } => ({ known: false, why });

export type RunOutcomeView = 'ok' | 'partial' | 'failed' | 'cancelled' | 'running';

/** One run as operators see it. Times are ISO 8601. */
export interface RunView {
  operation: string;
  outcome: RunOutcomeView;
  startedAt: string;
  finishedAt?: string;
  /** Empty: nobody says which; it was started for all. */
  services: string[];
  set?: string;
  workflowId: string;
  runId: string;
}

/** What happened on one day, in the page's time zone. */
export interface DayView {
  /** `2026-01-31`. */
  date: string;
  ok: number;
  partial: number;
  failed: number;
}

/** One set in the plots. */
export interface HistoryPoint {
  at: string;
  set: string;
  bytes: number;
  durationSeconds: number;
  offlineSeconds: number;
  frozenSeconds: number;
}

export interface GoodSet {
  set: string;
  /** When its data was taken: what the objective is measured from. */
  createdAt: string;
  bytes: number;
  /** Where it is. */
  repositories: string[];
  workflowId: string;
  runId: string;
}

export type Standing = 'good' | 'stale' | 'drill-failed' | 'none' | 'unknown';

/** One service at a glance. Spans are in milliseconds. */
export interface ServiceView {
  name: string;
  kind: 'neo4j' | 'qdrant';
  standing: Standing;
  /** The standing in a sentence. */
  sentence: string;
  rpoMs: number;
  rtoMs?: number;
  verifiedWithinMs?: number;
  lastGood: GoodSet | null;
  lastVerified: (VerdictFacts & { set: string; createdAt: string }) | null;
  lastDrill: (VerdictFacts & { set: string }) | null;
  /** Oldest first, one entry a day. */
  days: DayView[];
  /** Oldest first. */
  history: HistoryPoint[];
}

export interface ScheduleView {
  id: string;
  operation: string;
  /** Null when it is paused or has no further run. */
  nextAt: string | null;
  paused: boolean;
  note?: string;
}

/** Everything that the page shows, as of one moment. */
export interface StatusSnapshot {
  takenAt: string;
  version: string;
  /** IANA name. */
  timezone: string;
  services: ServiceView[];
  repositories: RepositorySummary[];
  /** Names of the workers that asked for work lately. */
  workers: Known<string[]>;
  /** Newest first: what is running, then what ended. */
  runs: Known<RunView[]>;
  schedules: Known<ScheduleView[]>;
  retention: { repository: string; outlook: Known<RetentionOutlook> }[];
  temporalUi?: { base: string; namespace: string };
}

export type RepositorySummary = Omit<RepositoryView, 'sets'> & {
  sets: number;
  partial: number;
  held: number;
};

/** Where the page gets what it shows. Answers at once, from memory, however often it is asked. */
export interface StatusSource {
  snapshot(): Promise<StatusSnapshot>;
}
