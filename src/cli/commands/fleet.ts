import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { LifeboatError } from '../../model/failures.ts';
import type { HostLine } from '../../model/fleet-status.ts';
import { following, runs, several } from '../command.ts';
import { fleetBackupCode, fleetStatusCode } from '../result-code.ts';
import { startRun } from '../start-run.ts';
import { table } from '../terminal.ts';
import { ago } from './sets.ts';

interface FleetOptions {
  host?: string[];
  concurrency?: string;
  detach?: boolean;
}

interface FleetBackupOptions extends FleetOptions {
  service?: string[];
  repository?: string[];
  consistent?: boolean;
  queue?: boolean;
}

interface FleetBackupResult {
  state: 'complete' | 'partial';
  hosts: number;
  ok: number;
  bytes: number;
  seconds: number;
  failures: { host: string; state: string; message: string }[];
  moreFailures: string[];
  slowest: { host: string; seconds: number }[];
}

interface FleetStatusResult {
  counts: Partial<Record<HostLine['state'], number>>;
  hosts: Record<string, HostLine>;
}

/** `fleet backup|status`: many hosts, each with a worker of its own. */
export function addFleetCommands(program: Command): void {
  const fleet = program.command('fleet').description('many hosts, each with a worker of its own');

  const backup = overHosts(fleet.command('backup'))
    .description('back up the hosts of the fleet; what happens to one never fails another')
    .option('-s, --service <name>', 'only this service of each host (again for more)', several)
    .option('-r, --repository <name>', 'only into this repository of each host (again for more)', several)
    .option('--consistent', 'take all captures of a host while nobody can write')
    .option('--queue', 'wait for a service that another run uses, instead of failing');
  runs(backup, (context, options: FleetBackupOptions) => {
    const given = {
      services: options.service,
      repositories: options.repository,
      consistent: options.consistent,
      wait: options.queue,
    };
    const each = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return startRun<FleetBackupResult>(
      context,
      'fleetBackup',
      { ...whichHosts(options), backup: Object.keys(each).length > 0 ? each : undefined },
      options,
      backupText,
      fleetBackupCode,
    );
  });

  const status = overHosts(fleet.command('status')).description(
    'how old the newest sets of every host are, and which hosts do not answer',
  );
  runs(status, (context, options: FleetOptions) =>
    startRun<FleetStatusResult>(
      context,
      'fleetStatus',
      whichHosts(options),
      options,
      statusText,
      fleetStatusCode,
    ),
  );
}

const overHosts = (command: Command): Command =>
  following(
    command
      .option('-H, --host <name>', 'only this host (again for more; default: fleet.hosts)', several)
      .option('--concurrency <n>', 'so many hosts at the same time'),
  );

function whichHosts({ host, concurrency }: FleetOptions): Record<string, unknown> {
  if (concurrency !== undefined && !/^\d+$/.test(concurrency)) {
    throw new LifeboatError('InvalidInput', `--concurrency takes a number, and got "${concurrency}".`);
  }
  return { hosts: host, concurrency: concurrency === undefined ? undefined : Number(concurrency) };
}

function backupText(result: FleetBackupResult): string {
  const { state, hosts, ok, bytes, seconds, failures, moreFailures, slowest } = result;
  return [
    `The backup of the fleet is ${state}: ${ok} of ${hosts} hosts are whole, ${prettyBytes(bytes)} in ${seconds} s.`,
    ...failures.map(({ host, state: how, message }) => `  ${host} is ${how}: ${message}`),
    ...(moreFailures.length > 0 ? [`  And further ones: ${moreFailures.join(', ')}`] : []),
    ...(slowest[0]
      ? [`The slowest: ${slowest.map((one) => `${one.host} ${one.seconds} s`).join(', ')}.`]
      : []),
  ].join('\n');
}

function statusText({ hosts }: FleetStatusResult): string {
  const rows = Object.entries(hosts).map(([host, line]) => [
    host,
    line.state,
    line.newest === null ? '-' : ago(line.newest),
    line.services,
    line.version ?? '-',
    line.problem ?? '',
  ]);
  return table(['HOST', 'STATE', 'NEWEST', 'SERVICES', 'LIFEBOAT', ''], rows);
}
