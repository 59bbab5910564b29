import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { lookAtSets, type SetDetails } from '../../adapters/repository/catalog.ts';
import { openRepository } from '../../adapters/repository/open.ts';
import type { Repository } from '../../adapters/repository/repository.ts';
import { resolveSet } from '../../adapters/repository/resolve-set.ts';
import type { Config } from '../../config/config.ts';
import type { Manifest } from '../../model/manifest.ts';
import { deciding } from '../../model/verdicts.ts';
import { confirmed, runs, several } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { RESCUED, type RescueFlags, rescueConfiguration } from '../rescue/configuration.ts';
import { runEmbedded } from '../rescue/embedded-run.ts';
import { keptByRescues } from '../rescue/kept-snapshots.ts';
import { servicesText, targetsOf } from '../rescue/targets.ts';
import { table } from '../terminal.ts';
import { ago, bytesOf } from './sets.ts';

interface RestoreFlags extends RescueFlags {
  container?: string[];
  qdrant?: string[];
  database?: string[];
  collection?: string[];
  system?: boolean;
  dryRun?: boolean;
}

/** What is printed of a restore's result. */
interface RestoreResult {
  set: string | null;
  dryRun: boolean;
  services: { service: string; databases?: string[]; collections?: string[]; compared: boolean }[];
  warnings: string[];
  seconds: number;
}

const AFTER_HELP = `
It needs nothing but the repository, the age identity where sets are encrypted, and a Docker engine. Keys come from where
they usually do: AWS_ACCESS_KEY_ID and its companions, GOOGLE_APPLICATION_CREDENTIALS, NEO4J_PASSWORD, QDRANT_API_KEY.

  lifeboat rescue list    --repository /mnt/backups
  lifeboat rescue restore --repository s3://bucket/prefix --identity key.txt --container neo4j --qdrant http://127.0.0.1:6333

The container has to be fresh and running, of the version that the list shows or a later one.`;

/** `rescue`: when everything but a repository and a key is lost. */
export function addRescueCommand(program: Command): void {
  const rescue = program
    .command('rescue')
    .description('with nothing but a repository: list its sets, restore one into fresh containers')
    .addHelpText('after', AFTER_HELP);

  const list = reading(rescue.command('list')).description('list the sets, newest first, and what they hold');
  runs(list, async ({ terminal }, flags: RescueFlags) => {
    const sets = await withRepository(await rescueConfiguration(flags), (repository) =>
      lookAtSets(repository, {}, (details) => ({ listed: listed(details), row: rowOf(details) })),
    );
    terminal.result({ sets: sets.map((one) => one.listed) }, () =>
      listText(
        sets.map(({ row }) => row),
        flags.repository,
      ),
    );
    return EXIT.ok;
  });

  const restore = reading(rescue.command('restore'))
    .argument('[set]', 'id, beginning of an id, latest, "latest verified", "before <time>"', 'latest')
    .description('restore a set into fresh containers')
    .option('-i, --identity <file>', 'age identity that can read the set (again for more)', several)
    .option('--passphrase-file <file>', 'instead, for sets that were encrypted with a passphrase')
    .option('--container <name>', 'fresh Neo4j container; SERVICE=NAME with several services', several)
    .option('--qdrant <url>', 'Qdrant server; SERVICE=URL with several; again for each node', several)
    .option('--bolt <url>', 'where the container answers (default: health check, published port, log)')
    .option('--username <name>', 'user of the container, for counting (default: neo4j)')
    .option('--password-file <file>', 'its password (default: NEO4J_PASSWORD; without it nothing is counted)')
    .option('--api-key-file <file>', 'API key of the Qdrant server (default: QDRANT_API_KEY)')
    .option('--database <name>', 'only this Neo4j database (again for more)', several)
    .option('--collection <name>', 'only this Qdrant collection (again for more)', several)
    .option('--system', 'restore users and passwords too (the Neo4j database "system")')
    .option('--dry-run', 'check everything and say what would be done; change nothing')
    .option('-y, --yes', 'do not ask');
  runs(restore, async (context, flags: RestoreFlags, selector: string) => {
    const { terminal } = context;
    const manifest = await withRepository(await rescueConfiguration(flags), (repository) =>
      chosen(repository, selector),
    );
    const targets = targetsOf(manifest, flags.container ?? [], flags.qdrant ?? []);
    const services = [...targets.containers.keys(), ...targets.urls.keys()];
    const config = await rescueConfiguration(flags, targets);
    for (const name of targets.left) terminal.note(`${name} is not restored: nothing was given for it.`);
    const places = [...targets.containers.values(), ...[...targets.urls.values()].flat()].join(', ');
    if (!flags.dryRun) {
      await confirmed(
        context,
        `This replaces the data of ${places} by the set ${manifest.set} of ${manifest.createdAt}. Go on?`,
      );
    }
    const { database, collection, system, dryRun } = flags;
    const input = {
      set: manifest.set,
      repository: RESCUED,
      services,
      ...(database && { databases: database }),
      ...(collection && { collections: collection }),
      ...(system && { system }),
      ...(dryRun && { dryRun }),
    };
    try {
      const result = await runEmbedded<RestoreResult>(config, terminal, 'restore', input);
      terminal.result(result, () => resultText(result));
    } finally {
      if (targets.urls.size > 0 && !dryRun) {
        for (const line of await keptByRescues(config.temporal.taskQueue)) terminal.note(line);
      }
    }
    return EXIT.ok;
  });
}

const reading = (command: Command): Command =>
  command
    .requiredOption('-r, --repository <where>', 'a folder, s3://bucket/prefix or gs://bucket/prefix')
    .option('--endpoint <url>', 'of an S3-compatible server (default: AWS_ENDPOINT_URL, then AWS)')
    .option('--region <name>', 'of the bucket (default: AWS_REGION)')
    .option('--gcs-credentials <file>', 'JSON key of a service account');

async function withRepository<T>(config: Config, call: (repository: Repository) => Promise<T>): Promise<T> {
  const [declared] = config.repositories;
  if (!declared) throw new Error('The options name no repository.');
  const repository = openRepository(declared);
  try {
    return await call(repository);
  } finally {
    await repository.close();
  }
}

async function chosen(repository: Repository, selector: string): Promise<Manifest> {
  const found = await resolveSet(repository, selector);
  if ('problem' in found) throw found.problem;
  return found.manifest;
}

/** One set, as JSON. */
function listed(details: SetDetails): Record<string, unknown> {
  if ('problem' in details) return { set: details.set, problem: details.problem.message };
  const { createdAt, state, services, encryption, artifacts } = details.manifest;
  return {
    set: details.set,
    createdAt,
    state,
    services: services.map(({ name, kind, version }) => ({ name, kind, version })),
    bytes: bytesOf(details.manifest),
    recipients: encryption?.recipients ?? null,
    artifacts: artifacts.map(({ service, name }) => ({ service, name })),
  };
}

function listText(rows: string[][], where: string): string {
  if (rows.length === 0) return `No set is in ${where}.`;
  return table(['SET', 'AGE', 'STATE', 'SERVICES', 'SIZE', 'ENCRYPTED', 'VERIFIED'], rows);
}

function rowOf(details: SetDetails): string[] {
  if ('problem' in details) return [details.set, '', 'unreadable', details.problem.message, '', '', ''];
  const { manifest, verdicts } = details;
  const counts = deciding(verdicts);
  return [
    details.set,
    ago(manifest.createdAt),
    manifest.state,
    servicesText(manifest),
    prettyBytes(bytesOf(manifest)),
    manifest.encryption === null ? 'no' : 'age',
    counts ? `${counts.kind} ${counts.verdict}` : '-',
  ];
}

function resultText({ set, dryRun, services, warnings, seconds }: RestoreResult): string {
  const restored = services.map(({ service, databases, collections, compared }) => {
    const what = [...(databases ?? []), ...(collections ?? [])].join(', ') || 'nothing';
    if (dryRun) return `${service}: ${what} would be restored`;
    return `${service}: ${what} restored${compared ? ', compared with the manifest' : '; nothing was counted'}`;
  });
  const end = dryRun
    ? `Nothing was changed. The set ${set} can be restored.`
    : `The set ${set} is restored, in ${seconds} s.`;
  return [...restored, ...warnings, end].join('\n');
}
