import {
  continueAsNew,
  defineSignal,
  isCancellation,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { counted, emptyTally, type FleetTally, talliedText } from '../model/fleet.ts';
import {
  type FleetBackupInput,
  fleetBackupInput,
  HOSTS_A_RUN,
  MOST_AT_ONCE,
  parseInput,
} from '../model/inputs.ts';
import { setId } from '../model/names.ts';
import { formatBytes } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { probe } from './activity-options.ts';
import { fail, orFail } from './failure.ts';
import { FleetReport } from './fleet-report.ts';
import { FleetRun, type FleetState } from './fleet-run.ts';
import { andTell, type Subject } from './tell.ts';

/** Change how many hosts work at the same time while a run is under way; 0 starts no further one. */
export const concurrencySignal = defineSignal<[number]>('concurrency');

/** What a backup of a fleet answers. */
export interface FleetBackupResult extends Omit<FleetTally, 'trouble' | 'more'> {
  /** `partial`: a host is not whole; `failures` says which and why. */
  state: 'complete' | 'partial';
  hosts: number;
  seconds: number;
  /** The first hundred hosts that are not whole. */
  failures: FleetTally['trouble'];
  /** The names of all further ones. */
  moreFailures: string[];
}

/**
 * Back up many hosts, each by the `backup` of its own worker. What happens to one host never fails another.
 * @param carried from the run that continued as this one; never from outside.
 */
export async function fleetBackup(input?: unknown, carried?: FleetState): Promise<FleetBackupResult> {
  const wanted = orFail(() => parseInput('fleetBackup', fleetBackupInput, input));
  const subject: Subject = { services: ['the fleet'] };
  return await andTell('fleetBackup', subject, async () => await backUp(wanted, carried, subject), {
    outcomeOf: ({ state }) => (state === 'complete' ? 'ok' : 'partial'),
    startedAt: carried?.startedAt,
  });
}

async function backUp(
  wanted: FleetBackupInput,
  carried: FleetState | undefined,
  subject: Subject,
): Promise<FleetBackupResult> {
  const state = carried ?? (await firstState(wanted));
  const { tally } = state;
  const report = new FleetReport(
    () => `${counted(tally)} of ${state.total} hosts: ${talliedText(tally)}. ${state.limit} at a time.`,
  );
  report.phase('capturing');
  setHandler(concurrencySignal, (limit) => {
    const known = Number.isInteger(limit) && limit >= 0 && limit <= MOST_AT_ONCE;
    if (known) state.limit = limit;
    report.line(
      known
        ? `${limit} hosts at a time from now on.`
        : `A concurrency of ${limit} is not from 0 to ${MOST_AT_ONCE}.`,
    );
  });
  const run = new FleetRun(state, report, wanted.backup ?? {});
  try {
    await run.backUp(state.left.splice(0, wanted.hostsARun ?? HOSTS_A_RUN));
    if (state.left.length > 0) {
      await continueAsNew<typeof fleetBackup>(wanted, {
        ...state,
        open: run.openBackups(),
        givenUp: run.givenUpHosts(),
      });
    }
    await run.finish();
  } catch (error) {
    if (isCancellation(error)) await run.cancelOpen();
    throw error;
  }
  return resultOf(state, report, subject);
}

async function firstState(wanted: FleetBackupInput): Promise<FleetState> {
  const { startTime, firstExecutionRunId } = workflowInfo();
  const plan = await probe('See which hosts there are').planFleet({
    hosts: wanted.hosts,
    concurrency: wanted.concurrency,
  });
  return {
    startedAt: startTime.toISOString(),
    run: setId(startTime, firstExecutionRunId),
    total: plan.hosts.length,
    limit: plan.concurrency,
    left: plan.hosts,
    open: [],
    tally: emptyTally(),
  };
}

function resultOf(
  { tally, total, startedAt }: FleetState,
  report: FleetReport,
  subject: Subject,
): FleetBackupResult {
  const { trouble, more, ...counts } = tally;
  const whole = counts.ok === total;
  const result: FleetBackupResult = {
    state: whole ? 'complete' : 'partial',
    hosts: total,
    ...counts,
    seconds: Math.round((Date.now() - Date.parse(startedAt)) / 100) / 10,
    failures: trouble,
    moreFailures: more,
  };
  const failures = trouble.map(({ host, type, message }) => ({
    service: host,
    type: type ?? 'Partial',
    message,
  }));
  Object.assign(subject, { bytes: counts.bytes, failures: failures.slice(0, 20) });
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.bytes, value: counts.bytes }]);
  report.line(`${total} hosts: ${talliedText(tally)}; ${formatBytes(counts.bytes)}.`);
  if (counts.ok + counts.partial === 0) {
    report.phase('failed');
    const [first] = trouble;
    throw fail(
      'FleetFailed',
      `None of ${total} hosts was backed up: ${talliedText(tally)}. ${first ? `${first.host}: ${first.message}` : ''}`.trim(),
      { ...result },
    );
  }
  report.phase(whole ? 'done' : 'partial');
  return result;
}
