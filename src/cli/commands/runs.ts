import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { stringify } from 'yaml';
import { LifeboatError } from '../../model/failures.ts';
import { parseInput, restoreInput } from '../../model/inputs.ts';
import { type Context, confirmed, following, runs, several } from '../command.ts';
import { type BackupOutcome, backupCode } from '../result-code.ts';
import { given, startRun } from '../start-run.ts';

interface FollowOptions {
  detach?: boolean;
}

/** A result that names its state; `partial` has an exit code of its own. */
interface BackupResult extends BackupOutcome {
  set: string;
  bytes?: number;
  seconds?: number;
  failures?: { service: string; message: string }[];
}

interface BackupOptions extends FollowOptions {
  service?: string[];
  repository?: string[];
  consistent?: boolean;
  queue?: boolean;
}

/** `backup`, `verify`, `drill`, `replicate`: runs that destroy nothing. */
export function addRunCommands(program: Command): void {
  const backup = following(program.command('backup'))
    .description('back up all services, or those that are named, as one set')
    .option('-s, --service <name>', 'only this service (again for more)', several)
    .option('-r, --repository <name>', 'only into this repository (again for more)', several)
    .option('--consistent', 'take all captures while nobody can write')
    .option('--queue', 'wait for a service that another run uses, instead of failing');
  runs(backup, (context, options: BackupOptions) =>
    startRun<BackupResult>(
      context,
      'backup',
      {
        services: options.service,
        repositories: options.repository,
        consistent: options.consistent,
        wait: options.queue,
      },
      options,
      backupText,
      backupCode,
    ),
  );

  const verify = following(program.command('verify'))
    .argument('[set]', 'id, beginning of an id, latest, "before <time>" (default: latest)')
    .description('check the stored bytes of a set against its manifest')
    .option('-r, --repository <name>', 'in this repository (default: the primary)');
  runs(verify, (context, options: FollowOptions & { repository?: string }, set?: string) =>
    startRun(context, 'verify', { set, repository: options.repository }, options, resultText),
  );

  const drill = following(program.command('drill'))
    .argument('[set]', 'id, beginning of an id, latest, "before <time>" (default: latest)')
    .description('restore a set into a throw-away sandbox, compare the data and measure the times')
    .option('-r, --repository <name>', 'from this repository (default: the primary)')
    .option('-s, --service <name>', 'only this service (again for more)', several);
  runs(drill, (context, options: FollowOptions & { repository?: string; service?: string[] }, set?: string) =>
    startRun(
      context,
      'drill',
      { set, repository: options.repository, services: options.service },
      options,
      resultText,
    ),
  );

  const replicate = following(program.command('replicate'))
    .argument('[set]', 'only this set (default: every set that a target lacks)')
    .description('copy sets from one repository to the others')
    .option('--from <name>', 'from this repository (default: the primary)')
    .option('--to <name>', 'to this repository (again for more; default: all others)', several);
  runs(replicate, (context, options: FollowOptions & { from?: string; to?: string[] }, set?: string) =>
    startRun(context, 'replicate', { set, from: options.from, to: options.to }, options, resultText),
  );
}

function backupText(result: BackupResult): string {
  const { set, state, repositories = {}, bytes, seconds, failures = [] } = result;
  const size = bytes === undefined ? '' : `, ${prettyBytes(bytes)}`;
  const time = seconds === undefined ? '' : ` in ${seconds} s`;
  return [
    `Set ${set} is ${state}${size}${time}.`,
    ...Object.entries(repositories).map(([name, at]) => `  ${name}: ${at}`),
    ...failures.map(({ service, message }) => `  ${service} is missing: ${message}`),
  ].join('\n');
}

/** Any small result, as people read it best: YAML. */
export function resultText(result: unknown): string {
  return typeof result === 'object' && result !== null ? stringify(result).trimEnd() : 'Done.';
}

interface RestoreOptions extends FollowOptions {
  repository?: string;
  service?: string[];
  database?: string[];
  collection?: string[];
  into?: string[];
  switchAlias?: boolean;
  dryRun?: boolean;
  system?: boolean;
  clear?: boolean;
  confirm?: string;
  stage?: 'volume' | 'elsewhere';
  check: boolean;
  undo?: boolean;
  queue?: boolean;
}

/** `restore`: asks first. */
export function addRestoreCommand(program: Command): void {
  const restore = following(program.command('restore'))
    .argument('[set]', 'id, beginning of an id, latest, "latest verified", "before <time>" (default: latest)')
    .description('bring a set back; the old state is kept, and comes back by itself when the restore fails')
    .option('-r, --repository <name>', 'from this repository (default: the primary)')
    .option('-s, --service <name>', 'only this service (again for more)', several)
    .option('--database <name>', 'only this Neo4j database (again for more)', several)
    .option('--collection <name>', 'only this Qdrant collection (again for more)', several)
    .option('--into <from=to>', 'restore a collection under another name (again for more)', several)
    .option('--switch-alias', 'with --into: let the aliases of the old collection point to the new one')
    .option('--system', 'restore users and passwords too (the Neo4j database "system")')
    .option('--clear', 'empty the data directory first; needs --confirm')
    .option('--confirm <service>', 'the name of the service, for --clear')
    .option('--stage <where>', 'prepare the new store on the service’s "volume" or "elsewhere"')
    .option('--no-check', 'skip the check of the new store’s consistency')
    .option('--undo', 'bring back what the last restore replaced')
    .option('--queue', 'wait for a service that another run uses, instead of failing')
    .option('--dry-run', 'check everything and say what would be done; change nothing')
    .option('-y, --yes', 'do not ask');
  runs(restore, async (context, options: RestoreOptions, set?: string) => {
    const input = {
      set,
      repository: options.repository,
      services: options.service,
      databases: options.database,
      collections: options.collection,
      into: options.into && pairs(options.into),
      switchAlias: options.switchAlias,
      dryRun: options.dryRun,
      system: options.system,
      clear: options.clear,
      confirm: options.confirm,
      stage: options.stage,
      check: options.check ? undefined : false,
      undo: options.undo,
      wait: options.queue,
    };
    // Before the question: what can't be done is not to be asked about.
    parseInput('restore', restoreInput, given(input));
    if (!options.dryRun) await confirmed(context, await restoreQuestion(context, options, set));
    return await startRun(context, 'restore', input, options, resultText);
  });
}

async function restoreQuestion(
  { session }: Context,
  options: RestoreOptions,
  set = 'latest',
): Promise<string> {
  const { services } = await session.services();
  const what = (options.service ?? services.map(({ name }) => name)).join(', ') || 'every service of the set';
  if (options.undo)
    return `This replaces the data of ${what} by what the last restore of them replaced. Go on?`;
  return `This replaces the data of ${what} by the set "${set}"; the old data is kept aside. Go on?`;
}

function pairs(texts: string[]): Record<string, string> {
  const into = new Map<string, string>();
  for (const text of texts) {
    const [from, to, ...more] = text.split('=');
    if (!from || !to || more.length > 0) {
      throw new LifeboatError(
        'InvalidInput',
        `--into takes from=to, such as notes=notes_restored, and got "${text}".`,
      );
    }
    if (into.has(from)) {
      throw new LifeboatError(
        'InvalidInput',
        `--into names "${from}" twice, as "${into.get(from)}" and as "${to}": give one.`,
      );
    }
    into.set(from, to);
  }
  return Object.fromEntries(into);
}
