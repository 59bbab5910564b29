import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Connected } from '../../src/cli/session.ts';
import { hasWorker } from '../../src/cli/start-run.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { endProcess, startDetached, untilReady } from '../../test/testbed/process.ts';

const WORKER = fileURLToPath(new URL('../../src/worker.ts', import.meta.url));

/** Lifeboat's worker in a process of its own, so that its memory can be measured. */
export interface WorkerProcess {
  pid: number;
  /** Where its output goes. */
  log: string;
  /** The largest resident memory so far (bytes); undefined where the kernel does not tell. */
  peakMemory(): number | undefined;
  kill(): Promise<void>;
}

/**
 * Start a worker and wait until it polls. The workflow bundle is made here before, as an image has it ready: otherwise the
 * bundler would be most of what is measured.
 */
export async function startWorker(options: {
  directory: string;
  configuration: string;
  dockerHost: string;
  connected: Connected;
}): Promise<WorkerProcess> {
  const { directory, configuration, dockerHost, connected } = options;
  const bundle = join(directory, 'workflow-bundle.js');
  await workflowBundle({ file: bundle });
  const log = join(directory, 'worker.log');
  const program = await startDetached(process.execPath, ['--disable-warning=ExperimentalWarning', WORKER], {
    log,
    environment: {
      ...process.env,
      DOCKER_HOST: dockerHost,
      LIFEBOAT_CONFIG: configuration,
      LIFEBOAT_WORKFLOW_BUNDLE: bundle,
    },
  });
  await untilReady('The worker', 60, async () => ((await hasWorker(connected)) ? true : undefined), program);
  return {
    pid: program.pid,
    log,
    peakMemory: () => peakMemory(program.pid),
    // It is killed: what it leaves is removed with everything else.
    kill: () => endProcess(program, 0),
  };
}

function peakMemory(pid: number): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}
