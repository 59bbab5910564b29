import type { LostHost } from '../fleet-steps/lost-host.ts';
import type { FleetFigures, FleetRow } from './fleet-figures.ts';

const LINES: [what: string, figure: (row: FleetRow) => string | number][] = [
  ['whole run, s', ({ seconds }) => seconds.toFixed(1)],
  ['ok / failed / unreachable', ({ ok, failed, unreachable }) => `${ok} / ${failed} / ${unreachable}`],
  [
    'hosts that were to fail / dead, all found by name',
    ({ failing, dead, failed, unreachable }) =>
      `${failing} / ${dead}, ${failing === failed && dead === unreachable ? 'yes' : 'no'}`,
  ],
  [
    'from the start of a run of the workflow to the proof that the last of its dead hosts is dead, s',
    ({ deadFoundSeconds }) => deadFoundSeconds.toFixed(1),
  ],
  ['runs of `fleetBackup`, each continuing the last', ({ runs }) => runs],
  [
    'largest history of those',
    ({ longestRun: { events, bytes } }) => `${events} events, ${Math.round(bytes / 1024)} KiB`,
  ],
  ['`fleetBackup`, events per host', ({ perHost }) => perHost.fleet.events.toFixed(1)],
  ['`fleetBackup`, bytes per host', ({ perHost }) => perHost.fleet.bytes],
  ['`fleetBackup`, workflow tasks per host', ({ perHost }) => perHost.fleet.workflowTasks.toFixed(2)],
  ["the host's own workflows, events per host", ({ perHost }) => perHost.host.events.toFixed(1)],
  ["the host's own workflows, KiB per host", ({ perHost }) => (perHost.host.bytes / 1024).toFixed(1)],
  [
    "the host's own workflows, workflow tasks per host",
    ({ perHost }) => perHost.host.workflowTasks.toFixed(2),
  ],
  ['all workflow tasks per host', ({ perHost }) => perHost.workflowTasks.toFixed(2)],
  [
    'from the start of a host’s backup to its first step, ms, median / 99 %',
    ({ hostWaitMs: { median, p99 } }) => `${median} / ${p99}`,
  ],
  [
    'lateness of a schedule meanwhile, ms, median / most (starts)',
    ({ scheduleLateMs: { median, most, starts } }) => `${median} / ${most} (${starts})`,
  ],
  ['memory of the Temporal server (with its SQLite), MiB', ({ memoryMiB }) => memoryMiB.server],
  ['memory of the controller, MiB', ({ memoryMiB }) => memoryMiB.controller],
  ['memory of all simulated workers together, MiB', ({ memoryMiB }) => memoryMiB.hosts],
];

/** What fleets of several sizes cost, as a page shows it. */
export function fleetTable(
  { rows, fleetTasks, fleetTasksOfFleetAlone }: FleetFigures,
  lost: LostHost | null,
): string {
  const [least, most] = [rows[0]?.hosts, rows.at(-1)?.hosts];
  const lines = LINES.map(([what, figure]) => `| ${what} | ${rows.map(figure).join(' | ')} |`);
  const found = lost
    ? `\n\nA host whose worker was killed at its work was given up after ${lost.givenUpSeconds} s; when a worker was there again, its backup went on and was ${lost.afterwards}.`
    : '';
  return `| hosts | ${rows.map(({ hosts }) => hosts).join(' | ')} |
| --- |${' --- |'.repeat(rows.length)}
${lines.join('\n')}

Workflow tasks per host, ${most} hosts / ${least} hosts: **${fleetTasks}** over all workflows (goal: ≤ 1.1), ${fleetTasksOfFleetAlone} of \`fleetBackup\` alone. ${rows[0]?.atOnce} hosts work at the same time.${found}`;
}
