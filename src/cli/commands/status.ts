import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { lookAtSets, type SetDetails } from '../../adapters/repository/catalog.ts';
import type { Repository } from '../../adapters/repository/repository.ts';
import { isVerified } from '../../adapters/repository/resolve-set.ts';
import type { Service } from '../../config/config.ts';
import { messageOf } from '../../model/failures.ts';
import { type Context, runs } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { codeOfRun } from '../result-code.ts';
import { firstToWatch, type RunningRun, runningRuns, typeOfRun } from '../running-runs.ts';
import { hasWorker, watchRun } from '../start-run.ts';
import { table } from '../terminal.ts';
import { resultText } from './runs.ts';
import { ago, bytesOf } from './sets.ts';

interface RepositoryStatus {
  repository: string;
  location: string;
  sets: number;
  bytes: number;
  freeBytes: number | null;
  /** Time of the newest complete set. */
  newest: string | null;
  /** Time of the newest set whose last verification was good. */
  newestVerified: string | null;
  problem?: string;
}

interface ServiceStatus {
  service: string;
  kind: string;
  /** Time of the newest complete set that holds it, in any repository. */
  newest: string | null;
  newestVerified: string | null;
}

interface TemporalStatus {
  address: string;
  reachable: boolean;
  worker: boolean;
  running: RunningRun[];
  problem?: string;
}

/** `status` and `watch`. */
export function addStatusCommands(program: Command): void {
  runs(
    program.command('status').description('how old the newest sets are, and what runs now'),
    async ({ session, terminal }: Context): Promise<ExitCode> => {
      const looked = await Promise.all((await session.repositories('all')).map(statusOf));
      const repositories = looked.map(({ status }) => status);
      const { services: known, problem } = await session.services();
      const complete = looked.flatMap((one) => one.complete);
      const services = known.map((service) => serviceStatus(service, complete));
      if (problem !== undefined) terminal.note(`Services that labels declare are not shown: ${problem}`);
      const temporal = await temporalStatus(session);
      terminal.result({ services, repositories, temporal }, () =>
        statusText(services, repositories, temporal),
      );
      const gone = repositories.some(({ problem }) => problem !== undefined) || !temporal.reachable;
      return gone ? EXIT.unreachable : EXIT.ok;
    },
  );

  const watch = program
    .command('watch')
    .argument('[workflow-id]', 'a run (default: the newest one that is under way)')
    .description('follow a run that was started elsewhere');
  runs(watch, async (context, _options: object, workflowId?: string) => {
    const connected = await context.session.temporal();
    const id = workflowId ?? firstToWatch(await runningRuns(connected))?.workflowId;
    if (id === undefined) {
      context.terminal.result({ running: [] }, () => 'Nothing is running.');
      return EXIT.ok;
    }
    const codeOf = codeOfRun(await typeOfRun(connected, id));
    context.terminal.note(`Watching ${id}`);
    const handle = connected.client.workflow.getHandle(id);
    return await watchRun(context, connected, handle, resultText, codeOf);
  });
}

/** What is told of one set. */
interface SeenSet {
  complete: boolean;
  createdAt: string | null;
  services: string[];
  bytes: number;
  verified: boolean;
}

function seen(details: SetDetails): SeenSet {
  const manifest = 'manifest' in details ? details.manifest : undefined;
  return {
    complete: manifest?.state === 'complete',
    createdAt: manifest?.createdAt ?? null,
    services: manifest?.services.map(({ name }) => name) ?? [],
    bytes: manifest ? bytesOf(manifest) : 0,
    verified: isVerified(details),
  };
}

function serviceStatus({ name, kind }: Service, complete: SeenSet[]): ServiceStatus {
  const holding = complete
    .filter(({ services }) => services.includes(name))
    .sort((a, b) => ((a.createdAt ?? '') < (b.createdAt ?? '') ? 1 : -1));
  return {
    service: name,
    kind,
    newest: holding.at(0)?.createdAt ?? null,
    newestVerified: holding.find(({ verified }) => verified)?.createdAt ?? null,
  };
}

async function statusOf(repository: Repository): Promise<{ status: RepositoryStatus; complete: SeenSet[] }> {
  const { name, location } = repository;
  try {
    const sets = await lookAtSets(repository, {}, seen);
    const complete = sets.filter((one) => one.complete);
    const status = {
      repository: name,
      location,
      sets: sets.length,
      bytes: sets.reduce((sum, one) => sum + one.bytes, 0),
      freeBytes: await repository.freeBytes(),
      newest: complete.at(0)?.createdAt ?? null,
      newestVerified: complete.find(({ verified }) => verified)?.createdAt ?? null,
    };
    return { status, complete };
  } catch (error) {
    const empty = { sets: 0, bytes: 0, freeBytes: null, newest: null, newestVerified: null };
    const status = { repository: name, location, ...empty, problem: messageOf(error) };
    return { status, complete: [] };
  }
}

async function temporalStatus(session: Context['session']): Promise<TemporalStatus> {
  const { address } = (await session.config()).temporal;
  try {
    const connected = await session.temporal();
    const [worker, running] = await Promise.all([hasWorker(connected), runningRuns(connected)]);
    return { address, reachable: true, worker, running };
  } catch (error) {
    return { address, reachable: false, worker: false, running: [], problem: messageOf(error) };
  }
}

function statusText(
  services: ServiceStatus[],
  repositories: RepositoryStatus[],
  temporal: TemporalStatus,
): string {
  const when = (time: string | null): string => (time === null ? 'never' : ago(time));
  const rows = repositories.map((one) => [
    one.repository,
    one.sets,
    when(one.newest),
    when(one.newestVerified),
    prettyBytes(one.bytes),
    one.freeBytes === null ? '-' : prettyBytes(one.freeBytes),
    one.problem ?? '',
  ]);
  const protectedServices = services.map((one) => [
    one.service,
    one.kind,
    when(one.newest),
    when(one.newestVerified),
  ]);
  const lines =
    services.length === 0 ? [] : [table(['SERVICE', 'KIND', 'NEWEST', 'VERIFIED'], protectedServices), ''];
  lines.push(table(['REPOSITORY', 'SETS', 'NEWEST', 'VERIFIED', 'SIZE', 'FREE', ''], rows), '');
  if (!temporal.reachable) lines.push(temporal.problem ?? `Temporal at ${temporal.address} does not answer.`);
  else if (!temporal.worker) lines.push('No worker serves the task queue: start one with `lifeboat worker`.');
  else if (temporal.running.length === 0) lines.push('Nothing is running.');
  for (const { workflowId, startedAt } of temporal.running)
    lines.push(`Running: ${workflowId}, since ${ago(startedAt)}`);
  return lines.join('\n');
}
