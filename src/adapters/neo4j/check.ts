import { seekContainer } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { beginHelper, type HelperRun, removeContainer, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING } from './staging.ts';
import { TWIN_CHECK_SCRIPT } from './twin-check-script.ts';

/** What a check may use beside its heap (bytes), since the live database is up beside it. */
const OFF_HEAP_BYTES = 256 * 1024 * 1024;

/** A check takes the cores that nobody else wants: the live database is served first, and the set waits longer for the dump than for it. */
const CPU_SHARES = 64;

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
  const helper = { ...adminHelper(context, `check-${database}`, check, data), cpuShares: CPU_SHARES };
  judgeAdmin('check', database, await runHelper(engine, helper, options));
}

/** The check of a copy that is dumped meanwhile: each keeps about one core busy. */
export interface CheckBesideDump {
  /** Begin it; one that was begun already goes on. */
  begin(): Promise<void>;
  /** Wait for it. False: there is none, or it did not go well, and a check of its own is to say why. */
  passes(options: HelperRun): Promise<boolean>;
  /** End it, if there is one. */
  end(): Promise<void>;
}

/** @param data the data directory of the copy. */
export function checkBesideDump(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
): CheckBesideDump {
  const check = checkCommand(context, database);
  if (!check) return { begin: async () => {}, passes: async () => false, end: async () => {} };
  const twin = `${data}/twin/${database}`;
  const program = ['sh', '-c', TWIN_CHECK_SCRIPT, twin, data, database, ...check];
  const name = `check-beside-${database}`;
  const helper = { ...adminHelper(context, name, program, twin), cpuShares: CPU_SHARES };
  return {
    begin: async () => void (await beginHelper(engine, helper)),
    async passes(options) {
      if (!(await seekContainer(engine, { container: helper.name }))) return false;
      return (await runHelper(engine, helper, options)).exitCode === 0;
    },
    end: async () => await removeContainer(engine, helper.name),
  };
}

const checkCommand = (context: AdminContext, database: string): string[] | null =>
  adminCommands(context.version).check(database, {
    reportDirectory: `${STAGING}/report`,
    offHeapBytes: OFF_HEAP_BYTES,
  });
