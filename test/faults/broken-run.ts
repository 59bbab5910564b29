import type { WorkflowHandle } from '@temporalio/client';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { until } from '../testbed/until.ts';
import type { Lifeboat } from '../workflows/lifeboat.ts';

export const FAULTS = ['failure', 'cancel', 'terminate', 'kill -9'] as const;
/** What meets a run; `section terminated`: somebody ends the critical section, the lock and compensation itself. */
export type Fault = (typeof FAULTS)[number] | 'section terminated';

const QUIET_WITHIN_MS = 180_000;

/**
 * Break a run after one of its steps has done its work, and wait until it is quiet and the watchdog has looked. A function as `fault`
 * is done at that moment, and the run then goes on.
 */
export async function breakRun(
  lifeboat: Lifeboat,
  how: {
    service: string;
    workflow: string;
    input: object;
    step: string;
    fault: Fault | (() => Promise<void>);
  },
): Promise<WorkflowHandle> {
  const { service, workflow, input, step, fault } = how;
  const worker = { activity: step, how: fault === 'failure' ? ('fail' as const) : ('stall' as const) };
  const { handle, goOn } = await lifeboat.startBroken(worker, workflow, input);
  const section = lifeboat.client.workflow.getHandle(`offline/${lifeboat.taskQueue}/${service}`);
  if (typeof fault === 'function' || fault === 'cancel') {
    await (fault === 'cancel' ? handle.cancel() : fault());
    // The run knows of a cancel now. A step of a compensation is told nothing of a cancel, and so is let go on.
    await goOn();
  }
  if (fault === 'terminate') await handle.terminate('a test');
  if (fault === 'section terminated') await section.terminate('a test');
  if (fault === 'kill -9') await lifeboat.worker.kill('SIGKILL');
  // The next worker does not stall. A failure and a cancel are for the one that has met them to see to.
  if (fault === 'terminate' || fault === 'section terminated' || fault === 'kill -9') {
    await lifeboat.worker.kill('SIGKILL');
    await lifeboat.startWorker();
  }
  await quiet([handle, section]);
  await lifeboat.mend();
  await lifeboat.look();
  return handle;
}

async function quiet(runs: WorkflowHandle[]): Promise<void> {
  const status = async (run: WorkflowHandle) =>
    await run.describe().then(
      ({ status: { name } }) => name,
      () => 'NONE',
    );
  const isQuiet = async () => !(await Promise.all(runs.map(status))).includes('RUNNING');
  await until('the end of all workflows', isQuiet, { everyMs: 200, withinMs: QUIET_WITHIN_MS });
}

/** What restores left on a service's own volume, but for what they keep on purpose. */
export async function scratchOf(lifeboat: Lifeboat, server: Neo4jServer): Promise<string[]> {
  const find =
    'cd /data/.lifeboat 2>/dev/null || exit 0; for one in *; do [ -d "$one" ] || continue; [ -d "$one/old" ] || echo "$one"; ls -d "$one/new" "$one/swapping" "$one/undone" "$one/precious" 2>/dev/null; done; :';
  const run = await lifeboat.engine.getContainer(server.containerName).exec({
    Cmd: ['sh', '-c', find],
    AttachStdout: true,
    Tty: true,
  });
  const stream = await run.start({ Tty: true });
  let output = '';
  for await (const chunk of stream) output += String(chunk);
  return output.split(/\r?\n/).filter(Boolean);
}
