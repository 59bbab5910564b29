import type { Engine } from '../docker/engine.ts';
import { type HelperRun, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { STAGING } from './staging.ts';

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
  const check = adminCommands(context.version).check(database, {
    reportDirectory: `${STAGING}/report`,
    offHeapBytes: OFF_HEAP_BYTES,
  });
  if (!check) return;
  const helper = adminHelper(context, `check-${database}`, check, data);
  judgeAdmin('check', database, await runHelper(engine, helper, options));
}
