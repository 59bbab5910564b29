import { LifeboatError } from '../../model/failures.ts';
import { LABELS } from '../../model/names.ts';
import type { Container } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { type HelperOutcome, type HelperRun, type HelperSpec, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { lastWords } from './admin-outcome.ts';
import { ARTIFACTS, CHAIN } from './backup-chain.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING } from './staging.ts';
import { COPY } from './store-copy.ts';

/** The port on which a server offers its backup (`server.backup.listen_address`), when its settings name none. */
const DEFAULT_PORT = 6362;

/** How Neo4j Enterprise is asked for a backup of itself. */
export interface OnlineBackup {
  databases: string[];
  /** Of the server, as its own container sees it: `127.0.0.1:6362`. */
  address: string;
  /** The container whose network is shared. */
  container: string;
  /** The volume in which artifacts are kept between runs, and how many of a chain at most; absent: a full one each time. */
  chain?: { volume: string; most: number };
}

/** Whether a container offers a backup of itself while it runs: an Enterprise image in which that is not switched off. */
export function backsUpOnline(container: Pick<Container, 'env'>): boolean {
  const { NEO4J_EDITION, NEO4J_server_backup_enabled } = container.env;
  return NEO4J_EDITION === 'enterprise' && NEO4J_server_backup_enabled?.toLowerCase() !== 'false';
}

/** Where its backup is offered, as seen from its own network. */
export function backupAddress({ env }: Pick<Container, 'env'>): string {
  const configured = env.NEO4J_server_backup_listen__address ?? '';
  const port = /:(\d+)$/.exec(configured)?.[1] ?? DEFAULT_PORT;
  const host = /^(.+):\d+$/.exec(configured)?.[1] ?? '127.0.0.1';
  return `${/^(0\.0\.0\.0|\[::\])$/.test(host) ? '127.0.0.1' : host}:${port}`;
}

/** The artifacts of a database, named after it and a date: another database may have the same beginning (`tenant`, `tenant-42`), and a dot is a dot. */
const ARTIFACTS_OF = `
artifacts_of() {
  ls "$2" | grep -E "^$(printf '%s' "$1" | sed 's/[.]/[.]/g')-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9-]+[.]backup$"
}
`;

/**
 * Takes a backup into TO, of which at most MOST belong together: a full one, and then only what has changed since. After a full one,
 * what was there before goes. `sh -c SCRIPT TO MOST DATABASE PROGRAM…`: the program without its \`--type\`, which comes last.
 */
const BACKUP_SCRIPT = `
set -u
${ARTIFACTS_OF}
to=$0 most=$1 first=$2; shift 2
mkdir -p "$to" || exit 1
before=$(ls -A "$to")
held=$(artifacts_of "$first" "$to" | wc -l)
type=FULL
[ "$held" -eq 0 ] || [ "$held" -ge "$most" ] || type=AUTO
"$@" "--type=$type" || exit $?
if [ "$type" = FULL ]; then
  for name in $before; do rm -rf "$to/$name"; done
fi
echo "lifeboat:took $type"
`;

/** Restores the newest artifact of a database, and with it those that it builds on: `sh -c SCRIPT FROM DATABASE PROGRAM…`. */
export const RESTORE_SCRIPT = `
set -u
${ARTIFACTS_OF}
from=$0 database=$1; shift
newest=$(artifacts_of "$database" "$from" | sort | tail -n 1)
[ -n "$newest" ] || { echo "There is no backup of $database." >&2; exit 1; }
mkdir -p "$DATA/databases" "$DATA/transactions"
exec "$@" "--from-path=$from/$newest" "$database"
`;

/**
 * Let Neo4j back itself up, and put together from that the stores of a data directory in the staging volume.
 * @returns which kind of backup was taken: `FULL`, or `AUTO`, which is what has changed where Neo4j still knows it.
 * @throws {LifeboatError} `OnlineBackupFailed`, `InsufficientSpace`
 */
export async function takeOnlineBackup(
  engine: Engine,
  context: AdminContext,
  backup: OnlineBackup,
  options: HelperRun = {},
): Promise<{ type: 'FULL' | 'AUTO' }> {
  const { stdout } = await succeed('back up', engine, backupHelper(context, backup), options);
  const [, type] = /^lifeboat:took (FULL|AUTO)$/m.exec(stdout) ?? [];
  for (const database of backup.databases) {
    await succeed(`restore ${database} from`, engine, restoreHelper(context, backup, database), options);
  }
  return { type: type === 'AUTO' ? 'AUTO' : 'FULL' };
}

function backupHelper(context: AdminContext, backup: OnlineBackup): HelperSpec {
  const { databases, address, container, chain } = backup;
  const command = adminCommands(context.version).backup(databases, {
    from: address,
    directory: placeOf(chain),
  });
  if (!command) {
    throw new LifeboatError(
      'Unsupported',
      `Neo4j ${context.version.text} has no backup that Lifeboat knows: it has had one since 5.0. Use another mode.`,
    );
  }
  const most = String(chain?.most ?? 1);
  const script = ['sh', '-c', BACKUP_SCRIPT, placeOf(chain), most, databases[0] ?? '', ...command];
  return {
    ...withChain(adminHelper(context, 'online', script), chain?.volume),
    network: `container:${container}`,
  };
}

function restoreHelper(context: AdminContext, { chain }: OnlineBackup, database: string): HelperSpec {
  const command = adminCommands(context.version).restore() ?? [];
  const script = ['sh', '-c', RESTORE_SCRIPT, placeOf(chain), database, ...command];
  const spec = withChain(adminHelper(context, `restore-${database}`, script, COPY), chain?.volume);
  return { ...spec, env: { ...spec.env, DATA: COPY } };
}

const placeOf = (chain: OnlineBackup['chain']): string => (chain ? ARTIFACTS : `${STAGING}/in/online`);

const withChain = (spec: HelperSpec, volume: string | undefined): HelperSpec => ({
  ...spec,
  binds: [...spec.binds, ...(volume === undefined ? [] : [`${volume}:${CHAIN}`])],
});

async function succeed(
  doing: string,
  engine: Engine,
  spec: HelperSpec,
  options: HelperRun,
): Promise<HelperOutcome> {
  const outcome = await runHelper(engine, spec, options);
  if (outcome.exitCode === 0) return outcome;
  if (/No space left on device/i.test(`${outcome.stdout}\n${outcome.stderr}`)) {
    throw new LifeboatError(
      'InsufficientSpace',
      `Neo4j's own backup of service "${spec.labels[LABELS.service]}" found no space left where the engine keeps its volumes: free some there.`,
    );
  }
  throw new LifeboatError(
    'OnlineBackupFailed',
    `neo4j-admin could not ${doing} service "${spec.labels[LABELS.service]}" (exit code ${outcome.exitCode}): ${lastWords(outcome)}`,
  );
}
