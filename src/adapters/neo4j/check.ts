import type { Engine } from '../docker/engine.ts';
import { type HelperRun, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING } from './staging.ts';

/** What a check may use beside its heap (bytes), since the live database is up beside it. */
const OFF_HEAP_BYTES = 256 * 1024 * 1024;

/**
 * Makes a twin of a store out of links to its files, with a lock of its own, and runs a program: `sh -c TWIN_SCRIPT TWIN DATA DATABASE
 * PROGRAM…`. A check only reads, and so does a dump; but both want the lock of the store's directory.
 */
const TWIN_SCRIPT = `
set -e
twin=$0 data=$1 database=$2; shift 2
rm -rf "$twin"
mkdir -p "$twin/databases" "$twin/transactions"
for tree in databases transactions; do
  [ ! -d "$data/$tree/$database" ] || cp -al "$data/$tree/$database" "$twin/$tree/"
done
rm -f "$twin/databases/$database/database_lock"
exec "$@"
`;

/**
 * Check the consistency of a store that nobody uses.
 * @param data the data directory that it is in.
 * @throws {LifeboatError} `CheckFailed`
 */
export async function checkStore(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
  options: HelperRun = {},
): Promise<void> {
  const check = checkCommand(context, database);
  if (!check) return;
  const helper = adminHelper(context, `check-${database}`, check, data);
  judgeAdmin('check', database, await runHelper(engine, helper, options));
}

/** The same for a copy in the staging volume that may be dumped meanwhile. @throws {LifeboatError} `CheckFailed` */
export async function checkBesideDump(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
  options: HelperRun = {},
): Promise<void> {
  const check = checkCommand(context, database);
  if (!check) return;
  const twin = `${data}/twin/${database}`;
  const program = ['sh', '-c', TWIN_SCRIPT, twin, data, database, ...check];
  const helper = adminHelper(context, `check-${database}`, program, twin);
  judgeAdmin('check', database, await runHelper(engine, helper, options));
}

const checkCommand = (context: AdminContext, database: string): string[] | null =>
  adminCommands(context.version).check(database, {
    reportDirectory: `${STAGING}/report`,
    offHeapBytes: OFF_HEAP_BYTES,
  });
