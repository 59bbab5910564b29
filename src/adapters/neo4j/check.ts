import { LifeboatError } from '../../model/failures.ts';
import { findContainer } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import {
  beginHelper,
  type HelperRun,
  type HelperSpec,
  removeContainer,
  runHelper,
} from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING } from './staging.ts';
import { TWIN_CHECK_SCRIPT } from './twin-check-script.ts';

/** What a check may use beside its heap (bytes), since the live database is up beside it. */
const OFF_HEAP_BYTES = 256 * 1024 * 1024;

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

/**
 * Begin to check a copy while it is dumped: each keeps about one core busy. A check of this name that was begun already goes on.
 * @param data the data directory of the copy.
 */
export async function beginCheckBesideDump(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
): Promise<void> {
  const spec = besideDump(context, data, database);
  if (spec) await beginHelper(engine, spec);
}

/** Wait for a check that was begun beside a dump. False: there is none, or it found something, which a check of its own is to say. */
export async function passesCheckBesideDump(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
  options: HelperRun = {},
): Promise<boolean> {
  const spec = besideDump(context, data, database);
  if (!spec || !(await isThere(engine, spec.name))) return false;
  return (await runHelper(engine, spec, options)).exitCode === 0;
}

/** End a check that was begun beside a dump, if there is one. */
export async function endCheckBesideDump(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
): Promise<void> {
  const spec = besideDump(context, data, database);
  if (spec) await removeContainer(engine, spec.name);
}

function besideDump(context: AdminContext, data: string, database: string): HelperSpec | undefined {
  const check = checkCommand(context, database);
  if (!check) return undefined;
  const twin = `${data}/twin/${database}`;
  const program = ['sh', '-c', TWIN_CHECK_SCRIPT, twin, data, database, ...check];
  return adminHelper(context, `check-beside-${database}`, program, twin);
}

async function isThere(engine: Engine, name: string): Promise<boolean> {
  return await findContainer(engine, { container: name }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof LifeboatError && error.type === 'ContainerNotFound') return false;
      throw error;
    },
  );
}

const checkCommand = (context: AdminContext, database: string): string[] | null =>
  adminCommands(context.version).check(database, {
    reportDirectory: `${STAGING}/report`,
    offHeapBytes: OFF_HEAP_BYTES,
  });
