import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import { type CaptureMode, type Fallback, fromModeDown } from '../model/capture-mode.ts';
import { dumpsTogether } from '../model/dump-together.ts';
import { compareGraphRange } from '../model/graph-comparison.ts';
import type { Artifact, GraphFacts } from '../model/manifest.ts';
import { compensate, probe, transfer } from './activity-options.ts';
import { allOrNone } from './all-or-none.ts';
import type { CriticalSectionResult, Window } from './critical-section.ts';
import { inCriticalSection } from './exclusive.ts';
import { type Cause, causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';

export interface CaptureOptions {
  set: string;
  hold: boolean;
  wait: boolean;
  report: ProgressReport;
  /** Called when its window is closed again. */
  onCaptured?: () => void;
  /** Puts one finished dump into the repository. */
  store: (database: string) => Promise<Artifact>;
}

/** Dumps of all databases, and how they were taken. */
export interface Captured {
  /** The dumps as they were stored while their copies were checked; absent where they still lie in the staging volume. */
  artifacts?: Artifact[];
  section: CriticalSectionResult;
  mode: CaptureMode;
  fallbacks: Fallback[];
  /** Of the live server before and after; of the very copy where a sandbox has recovered one. */
  facts: { before: Facts; after: Facts };
  /** A consistent set was asked for, and this was taken at another moment: the mode that was held for it failed, or its window was not held to the end. */
  late: boolean;
}

type Facts = Record<string, GraphFacts> | null;

/**
 * After these a safer mode would fail as well, or must not be tried: whoever ends a critical section from outside has left the service as it
 * is, and giving it back is the watchdog's.
 */
const FINAL: ReadonlySet<Cause['type']> = new Set([
  'Terminated',
  'Timeout',
  'ServiceBusy',
  'StagingLost',
  'StartFailed',
  'ContainerNotFound',
  'DatabaseNotFound',
]);

/** Take the bytes of one Neo4j service as its plan says, and by a safer mode when that fails. */
export async function captureNeo4j(plan: Neo4jPlan, options: CaptureOptions): Promise<Captured> {
  const { report } = options;
  const chosen = fromModeDown(plan.capture?.mode ?? 'dump');
  // What is taken while clients write is of no common moment with anything else.
  const modes = options.hold ? chosen.filter((mode) => mode !== 'online') : chosen;
  const fallbacks: Fallback[] = [];
  /** Others may have captured theirs within a window that this service had; what fails before one was opened costs no common moment. */
  let opened = false;
  // What the repository refuses it would refuse after every mode.
  const notStored = new Set<unknown>();
  const store = async (database: string) =>
    await options.store(database).catch((error: unknown) => {
      notStored.add(error);
      throw error;
    });
  for (const mode of modes) {
    const late = options.hold && opened;
    const onSection = () => {
      opened = true;
    };
    try {
      const captured = await capture(plan, mode, {
        ...options,
        store,
        hold: options.hold && !late,
        onSection,
      });
      const { wasRunning, held } = captured.section;
      return { ...captured, mode, fallbacks, late: late || (options.hold && wasRunning && !held) };
    } catch (error) {
      const { type, message } = causeOf(error);
      if (notStored.has(error) || isCancellation(error) || FINAL.has(type) || mode === modes.at(-1))
        throw error;
      fallbacks.push({ mode, type, message });
      report.line(`${plan.service}: mode ${mode} failed, a safer one is used. ${message}`);
    }
  }
  throw fail('BackupFailed', `No mode is left for service "${plan.service}".`);
}

async function capture(
  plan: Neo4jPlan,
  mode: CaptureMode,
  options: CaptureOptions & { onSection: () => void },
): Promise<Pick<Captured, 'section' | 'facts' | 'artifacts'>> {
  const { set, report } = options;
  const { service } = plan;
  const databases = Object.keys(plan.databases);
  const at = { set, plan };
  const countingBefore = count(service, databases);
  if (mode === 'copy' || mode === 'freeze') {
    report.service(service, 'copying while it is in use');
    await transfer(`Copy ${service} while it is in use`, { attempts: 2 }).standByToCopy({
      ...at,
      window: mode === 'copy' ? 'offline' : 'freeze',
    });
  }
  const before = await countingBefore;
  const { section, countingAfter } = await withoutSnapshot(at, mode, report, async () => {
    if (mode === 'snapshot') {
      await transfer(`Prepare a snapshot of ${service}`, { attempts: 2 }).standByToSnapshot(at);
    }
    const window = WINDOWS[mode];
    report.service(service, window.window === 'none' ? 'backing itself up' : `${window.window} window`);
    options.onSection();
    const section = await inCriticalSection(
      { set, plan, hold: options.hold, ...window },
      { wait: options.wait },
    );
    options.onCaptured?.();
    report.line(`${service} ${howLong(section)}.`);
    const countingAfter = count(service, databases);
    if (mode === 'snapshot') {
      report.service(service, 'copying the snapshot');
      await transfer(`Copy the snapshot of ${service}`, { attempts: 2 }).copySnapshot(at);
    }
    return { section, countingAfter };
  });
  if (mode === 'dump') return { section, facts: await factsOf(service, { before, countingAfter }, report) };

  let recovered: Facts | undefined;
  if (mode !== 'copy') {
    report.service(service, 'recovering the copy in a sandbox');
    recovered = await recover(at, databases);
    const after = await countingAfter;
    const differences = before ? differencesOf(recovered, before, after ?? before) : [];
    if (differences.length > 0) {
      throw fail(
        'CountsDisagree',
        `The copy of ${service} is not what the server held: ${differences.slice(0, 5).join('; ')}.`,
      );
    }
  }
  report.service(service, 'dumping the copy');
  const dumping = transfer(`Dump the copies of ${service}`, { attempts: 3 });
  const { dumped } = dumpsTogether(plan.databases) ? await dumping.dumpCopies(at) : { dumped: [] };
  const artifacts = await allOrNone(
    databases.map((database) => async () => {
      if (!dumped.includes(database)) await dumpAlone(at, database);
      return await checkAndStore(at, database, options.store);
    }),
  );
  const facts = recovered
    ? { before: recovered, after: null }
    : await factsOf(service, { before, countingAfter }, report);
  return { section, facts, artifacts };
}

/** What was taken is not given up because it can't be counted any more; but with half of the counts a good set would look like a wrong one. */
async function factsOf(
  service: string,
  { before, countingAfter }: { before: Facts; countingAfter: Promise<Facts> },
  report: ProgressReport,
): Promise<Captured['facts']> {
  try {
    return { before, after: await countingAfter };
  } catch (error) {
    if (isCancellation(error)) throw error;
    report.line(
      `${service} could not be counted after its window, so the set has no counts of it: ${causeOf(error).message}`,
    );
    return { before: null, after: null };
  }
}

/** Begin to count what the live server holds. Nobody may need it any more when it is known, or has failed. */
function count(service: string, databases: string[]): Promise<Facts> {
  const counting = probe(`Count ${service}`).describeGraphs({ service, databases });
  counting.catch(() => {});
  return counting;
}

async function dumpAlone(at: { set: string; plan: Neo4jPlan }, database: string): Promise<void> {
  const dumping = transfer(`Dump the copy of ${at.plan.service}/${database}`, { attempts: 3 });
  await dumping.dumpCopy({ ...at, database });
}

/** A dump is on its way into the repository while its copy is checked: no set lists it before both went well. */
async function checkAndStore(
  at: { set: string; plan: Neo4jPlan },
  database: string,
  store: CaptureOptions['store'],
): Promise<Artifact> {
  const checking = transfer(`Check the copy of ${at.plan.service}/${database}`, { attempts: 3 });
  const [artifact] = await allOrNone([
    async () => await store(database),
    async () => await checking.checkCopy({ ...at, database }),
  ]);
  return artifact;
}

const WINDOWS: Record<CaptureMode, Window> = {
  dump: { window: 'offline', work: { kind: 'dump' } },
  copy: { window: 'offline', work: { kind: 'copy' } },
  freeze: { window: 'freeze', work: { kind: 'copy' } },
  snapshot: { window: 'freeze', work: { kind: 'snapshot' } },
  online: { window: 'none', work: { kind: 'online' } },
};

/**
 * A snapshot costs room for everything that changes while it is there, so none outlasts its copy. One that can't be removed now is no
 * reason to give up what was taken: the watchdog goes on trying.
 */
async function withoutSnapshot<T>(
  { set, plan: { service } }: { set: string; plan: Neo4jPlan },
  mode: CaptureMode,
  report: ProgressReport,
  call: () => Promise<T>,
): Promise<T> {
  if (mode !== 'snapshot') return await call();
  try {
    return await call();
  } finally {
    await CancellationScope.nonCancellable(async () => {
      await compensate(`Remove the snapshot of ${service}`)
        .removeStoreSnapshot({ set, service })
        .catch((error: unknown) => report.line(`${service}: ${causeOf(error).message}`));
    });
  }
}

async function recover(at: { set: string; plan: Neo4jPlan }, databases: string[]) {
  const { service } = at.plan;
  try {
    const recovering = transfer(`Let a sandbox recover the copy of ${service}`, { attempts: 2 });
    return (await recovering.recoverCopy({ ...at, databases })).facts;
  } catch (error) {
    await CancellationScope.nonCancellable(async () => {
      await compensate(`Remove the sandbox of ${service}`).removeSandbox({ set: at.set, service });
    });
    // It is the copy that does not start: the service itself is up, and a safer mode may do.
    const { type, message } = causeOf(error);
    throw type === 'StartFailed' ? fail('CopyFailed', message) : error;
  }
}

const differencesOf = (
  found: Record<string, GraphFacts>,
  before: Record<string, GraphFacts>,
  after: Record<string, GraphFacts>,
): string[] =>
  Object.entries(before).flatMap(([database, facts]) => {
    const there = found[database];
    return there
      ? compareGraphRange(facts, after[database] ?? facts, there).map((text) => `${database}: ${text}`)
      : [`${database} is missing`];
  });

const howLong = ({ wasRunning, offlineSeconds, frozenSeconds }: CriticalSectionResult): string => {
  if (!wasRunning) return 'was stopped before, and was left so';
  if (offlineSeconds > 0) return `was away for ${offlineSeconds.toFixed(1)} s`;
  if (frozenSeconds === 0) return 'backed itself up, with nobody kept waiting';
  return `kept its clients waiting for ${frozenSeconds.toFixed(1)} s, and none was sent away`;
};
