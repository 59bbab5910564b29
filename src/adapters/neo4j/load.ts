import { createWriteStream } from 'node:fs';
import { chown, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LifeboatError } from '../../model/failures.ts';
import type { RestorePlace } from '../../model/restore-place.ts';
import { writeFileInto } from '../docker/archive.ts';
import type { Engine } from '../docker/engine.ts';
import { type HelperRun, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { checkStore } from './check.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING, type Staging } from './staging.ts';
import { placeOf } from './swap.ts';

/** Put a dump into the staging volume: directly where this process sees it, else through the engine. */
export async function fetchDump(
  engine: Engine,
  staging: Staging,
  database: string,
  source: Readable,
  options: { bytes: number; owner: { uid: number; gid: number }; signal?: AbortSignal },
): Promise<void> {
  const relative = `in/${database}.dump`;
  const local = join(staging.mountpoint, relative);
  if (await isWritable(dirname(local))) {
    await pipeline(source, createWriteStream(local), options.signal ? { signal: options.signal } : {});
    await chown(local, options.owner.uid, options.owner.gid);
    return;
  }
  await writeFileInto(engine, staging.carrier, `${STAGING}/${relative}`, source, options);
}

async function isWritable(directory: string): Promise<boolean> {
  try {
    if (!(await stat(directory)).isDirectory()) return false;
    const probe = await open(join(directory, '.lifeboat-probe'), 'w');
    await probe.close();
    await rm(join(directory, '.lifeboat-probe'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Loads only where there is room for all of it (KiB, the first argument; the second is the database): a store that is loaded beside a running
 * one must not take the last byte that it needs. What an earlier attempt left is written over, and counts as free.
 */
const LOAD = `
mkdir -p "$0"
free=$(df -Pk "$0" | tail -n 1 | tr -s ' ' | cut -d' ' -f4)
for left in "$0/databases/$2" "$0/transactions/$2"; do
  size=$(du -sk "$left" 2>/dev/null | cut -f1)
  free=$((free + \${size:-0}))
done
if [ "$free" -lt "$1" ]; then
  echo "No space left on device: the database $2 needs $1 KiB and there are $free" >&2
  exit 28
fi
shift 2
exec "$@"`;

/**
 * Load a dump into the new stores of a restore, beside the running database.
 * @param options.bytes what it unpacks to. Default: not compared with the free space
 * @throws {LifeboatError} `LoadFailed`, `InsufficientSpace`, `VersionMismatch` for a dump that this version must not open.
 */
export async function loadDump(
  engine: Engine,
  context: AdminContext,
  place: RestorePlace,
  database: string,
  options: HelperRun & { bytes?: number | undefined } = {},
): Promise<void> {
  const directory = `${placeOf(place)}/new`;
  const outcome = await runHelper(
    engine,
    loadHelper(context, place, `load-${database}`, [
      'sh',
      '-c',
      LOAD,
      directory,
      String(Math.ceil((options.bytes ?? 0) / 1024)),
      database,
      ...adminCommands(context.version).load(database, `${STAGING}/in`),
    ]),
    options,
  );
  if (/newer version than the current/i.test(outcome.stdout + outcome.stderr)) {
    throw new LifeboatError(
      'VersionMismatch',
      `The dump of the database "${database}" was made by a newer Neo4j than this container's ${context.version.text}: upgrade the container first.`,
    );
  }
  judgeAdmin('load', database, outcome);
  if (/is not on a supported version/i.test(outcome.stdout + outcome.stderr)) {
    await migrate(engine, context, place, database, options);
  }
}

/** A store of 4.4 loads into 5, but does not start there before it was migrated. */
async function migrate(
  engine: Engine,
  context: AdminContext,
  place: RestorePlace,
  database: string,
  options: HelperRun,
): Promise<void> {
  const outcome = await runHelper(
    engine,
    loadHelper(context, place, `migrate-${database}`, ['neo4j-admin', 'database', 'migrate', database]),
    options,
  );
  judgeAdmin('load', database, outcome);
}

/** Check the consistency of a loaded store, before it takes the place of the old one. */
export async function checkLoaded(
  engine: Engine,
  context: AdminContext,
  place: RestorePlace,
  database: string,
  options: HelperRun = {},
): Promise<void> {
  await checkStore(engine, context, `${placeOf(place)}/new`, database, options);
}

function loadHelper(context: AdminContext, place: RestorePlace, step: string, command: string[]) {
  return adminHelper(context, step, command, `${placeOf(place)}/new`);
}
