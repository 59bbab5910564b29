import pLimit from 'p-limit';
import { listSets, readManifest, type SetEntry, type VerdictMark } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import { readFindings } from '../adapters/repository/set-marks.ts';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { type CatalogSet, type SetFacts, setFacts, type VerdictFacts, verdictsOf } from './set-facts.ts';

/** What is known of a repository. Everything but `error` is as of `readAt`. */
export interface RepositoryView {
  name: string;
  kind: Repository['kind'];
  /** For people, without secrets. */
  location: string;
  /** When it was last read whole (ISO 8601); null when it never was. */
  readAt: string | null;
  /** When it was last tried. */
  triedAt: string;
  /** Why the last try failed; then the rest is older. */
  error?: string;
  /** Newest first. */
  sets: CatalogSet[];
  /** Sets whose manifest can't be read. */
  unreadable: { set: string; problem: string }[];
  /** Sets whose removal was decided and is not finished. */
  leaving: number;
  /** Stored bytes of all sets. */
  bytes: number;
  /** Null where the store does not tell. */
  freeBytes: number | null;
}

/** How many manifests of one repository are read at the same time: few, so that a backup's own traffic comes first. */
const READERS = 4;

/** A repository is given up for this time when it takes longer (milliseconds). */
const READ_TIMEOUT_MS = 5 * 60_000;

/** Reads repositories again and again; whoever asks gets what is known, at once. */
export interface CatalogWatch {
  /** In the order of the configuration; empty before the first reading ends. */
  current(): RepositoryView[];
  /** Look now; joins a look that is under way. Never fails. */
  refresh(): Promise<void>;
  /** Called after each look. */
  onRefresh(listener: (views: RepositoryView[]) => void): void;
  start(everyMs: number): void;
  stop(): void;
}

/**
 * @param repositories asked anew each time, so that a reload of the configuration takes effect.
 */
export function watchCatalog(repositories: () => Repository[]): CatalogWatch {
  const memory: Memory = { manifests: new Map(), drills: new Map() };
  const views = new Map<string, RepositoryView>();
  const reading = new Map<string, Promise<void>>();
  const listeners: ((views: RepositoryView[]) => void)[] = [];
  const stopped = new AbortController();
  let order: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  const current = (): RepositoryView[] => order.flatMap((name) => views.get(name) ?? []);

  async function refresh(): Promise<void> {
    let all: Repository[];
    try {
      all = repositories();
    } catch {
      // A configuration that is being changed: what is known stays, and the next look tries again.
      return;
    }
    order = all.map(({ name }) => name);
    await Promise.all(
      all.map((repository) => {
        // One look at a repository at a time: a slow one is not asked again while it still thinks.
        const running = reading.get(repository.name);
        if (running) return running;
        const look = lookAt(repository).finally(() => reading.delete(repository.name));
        reading.set(repository.name, look);
        return look;
      }),
    );
    for (const listener of listeners) listener(current());
  }

  async function lookAt(repository: Repository): Promise<void> {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    const before = views.get(repository.name);
    const triedAt = new Date().toISOString();
    try {
      const read = await readRepository(repository, memory, signal);
      views.set(repository.name, { ...identity(repository), ...read, readAt: triedAt, triedAt });
    } catch (error) {
      const empty = { readAt: null, sets: [], unreadable: [], leaving: 0, bytes: 0, freeBytes: null };
      const failed = { ...identity(repository), triedAt, error: messageOf(error) };
      views.set(repository.name, { ...empty, ...before, ...failed });
    }
  }

  return {
    current,
    refresh,
    onRefresh: (listener) => void listeners.push(listener),
    start(everyMs) {
      void refresh();
      timer ??= setInterval(() => void refresh(), everyMs).unref();
    },
    stop() {
      clearInterval(timer);
      stopped.abort();
    },
  };
}

type Known = { facts: SetFacts } | { problem: string };

/** Objects never change, so each is read once. */
interface Memory {
  manifests: Map<string, Known>;
  /** How long a drill took, by the key of its verdict; null where it does not say. */
  drills: Map<string, number | null>;
}

const identity = ({ name, kind, location }: Repository) => ({ name, kind, location });

async function readRepository(
  repository: Repository,
  { manifests, drills }: Memory,
  signal: AbortSignal,
): Promise<Pick<RepositoryView, 'sets' | 'unreadable' | 'leaving' | 'bytes' | 'freeBytes'>> {
  const entries = await listSets(repository, { tombstoned: true, signal });
  const limit = pLimit(READERS);
  const keyOf = (set: string, bytes: number) => `${repository.name} ${set} ${bytes}`;
  await Promise.all(
    entries.map((entry) =>
      limit(async () => {
        const key = keyOf(entry.set, entry.manifestBytes);
        if (entry.tombstoned || manifests.has(key)) return;
        const known = await readKnown(repository, entry.set, signal);
        if (known) manifests.set(key, known);
      }),
    ),
  );
  const sets: CatalogSet[] = [];
  const unreadable: RepositoryView['unreadable'] = [];
  for (const entry of entries) {
    const known = entry.tombstoned ? undefined : manifests.get(keyOf(entry.set, entry.manifestBytes));
    if (!known) continue;
    if ('problem' in known) unreadable.push({ set: entry.set, problem: known.problem });
    else {
      const verdicts = await withDrillTimes(repository, entry, drills, signal);
      sets.push({ ...known.facts, held: entry.held, verdicts });
    }
  }
  forget(manifests, repository.name, new Set(entries.map((e) => keyOf(e.set, e.manifestBytes))));
  return {
    sets: sets.sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt)),
    unreadable,
    leaving: entries.filter(({ tombstoned }) => tombstoned).length,
    bytes: sets.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: await repository.freeBytes(),
  };
}

async function readKnown(repository: Repository, set: string, signal: AbortSignal): Promise<Known | null> {
  try {
    return { facts: setFacts(await readManifest(repository, set, signal)) };
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    // Pruned since it was listed.
    if (error.type === 'SetNotFound' || error.type === 'KeyNotFound') return null;
    if (error.type === 'ManifestInvalid' || error.type === 'ManifestTooNew') {
      return { problem: messageOf(error) };
    }
    throw error;
  }
}

/** Nothing that a drill took is longer (seconds): 31 years. */
const MOST_SECONDS = 1e9;

async function withDrillTimes(
  repository: Repository,
  entry: SetEntry,
  drills: Map<string, number | null>,
  signal: AbortSignal,
): Promise<VerdictFacts[]> {
  const verdicts = verdictsOf(entry);
  for (const verdict of verdicts) {
    if (verdict.kind !== 'drill' || !verdict.ok) continue;
    const mark = { time: verdict.at, kind: 'drill', verdict: verdict.inPart ? 'ok-in-part' : 'ok' } as const;
    const memo = `${repository.name} ${entry.set} ${verdict.at}`;
    if (!drills.has(memo)) drills.set(memo, await drillSeconds(repository, entry.set, mark, signal));
    const seconds = drills.get(memo);
    if (typeof seconds === 'number') verdict.seconds = seconds;
  }
  return verdicts;
}

/** `findings.rtoSeconds` of a drill's verdict; null for a verdict that has none or can not be read. */
async function drillSeconds(
  repository: Repository,
  set: string,
  mark: VerdictMark,
  signal: AbortSignal,
): Promise<number | null> {
  try {
    const findings = (await readFindings(repository, set, mark, signal)) as
      | { rtoSeconds?: unknown }
      | undefined;
    const seconds = findings?.rtoSeconds;
    return typeof seconds === 'number' && seconds >= 0 && seconds <= MOST_SECONDS ? seconds : null;
  } catch {
    return null;
  }
}

function forget(manifests: Map<string, Known>, repository: string, present: Set<string>): void {
  for (const key of manifests.keys()) {
    if (key.startsWith(`${repository} `) && !present.has(key)) manifests.delete(key);
  }
}
