import { condition, continueAsNew, isCancellation } from '@temporalio/workflow';
import { type HostLine, hostLine, silentLine } from '../model/fleet-status.ts';
import { fleetStatusInput, HOSTS_A_RUN, parseInput } from '../model/inputs.ts';
import { hostQueue } from '../model/names.ts';
import { onHost, probe } from './activity-options.ts';
import { causeOf, orFail } from './failure.ts';
import { FleetReport } from './fleet-report.ts';
import { answers, isSilence, unseenOf } from './host-answers.ts';

/** How old the sets of a fleet are. */
export interface FleetStatusResult {
  /** Hosts by state; states that no host has are absent. */
  counts: Partial<Record<HostLine['state'], number>>;
  hosts: Record<string, HostLine>;
}

/** What one run hands to the next. */
export interface FleetStatusState {
  left: string[];
  hosts: Record<string, HostLine>;
}

/** Hosts that are asked at the same time: asking costs them next to nothing. */
const AT_ONCE = 100;

/**
 * Ask the workers of many hosts how old their sets are; nothing is changed. A host that does not answer hides no other.
 * @param carried from the run that continued as this one; never from outside.
 */
export async function fleetStatus(input?: unknown, carried?: FleetStatusState): Promise<FleetStatusResult> {
  const wanted = orFail(() => parseInput('fleetStatus', fleetStatusInput, input));
  const state = carried ?? { left: [], hosts: {} };
  const report = new FleetReport(
    () => `${Object.keys(state.hosts).length} hosts asked, ${state.left.length} left.`,
  );
  if (!carried) {
    report.phase('asking');
    state.left = (await probe('See which hosts there are').planFleet({ hosts: wanted.hosts })).hosts;
  }
  const page = state.left.splice(0, wanted.hostsARun ?? HOSTS_A_RUN);
  const unseen = new Set(page.length > 0 ? await unseenOf(page) : []);
  const most = wanted.concurrency ?? AT_ONCE;
  let asking = 0;
  await Promise.all(
    page.map(async (host) => {
      // All who wait see at once that one may go: each looks again when it is its turn.
      while (asking >= most) await condition(() => asking < most);
      asking += 1;
      const line = await ask(host, !unseen.has(host));
      asking -= 1;
      state.hosts[host] = line;
      if (line.state !== 'ok') report.line(`${host}: ${line.state}. ${line.problem ?? ''}`);
    }),
  );
  if (state.left.length > 0) await continueAsNew<typeof fleetStatus>(wanted, state);
  report.phase('done');
  const counts: FleetStatusResult['counts'] = {};
  for (const { state: one } of Object.values(state.hosts)) counts[one] = (counts[one] ?? 0) + 1;
  return { counts, hosts: state.hosts };
}

async function ask(host: string, seen: boolean): Promise<HostLine> {
  const unreachable = silentLine('unreachable', `No worker serves ${hostQueue(host)}.`);
  if (!seen && !(await answers(host))) return unreachable;
  try {
    return hostLine(await onHost(host, `Ask ${host}`).hostStatus());
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (!isSilence(error)) return silentLine('problem', causeOf(error).message);
    // Its worker may have gone away since it was seen.
    return seen && !(await answers(host))
      ? unreachable
      : silentLine('busy', 'Its worker lives, and did not answer in time.');
  }
}
