import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { ContainerInspectInfo } from 'dockerode';
import { listVolumes } from '../../src/adapters/docker/volume.ts';
import { LABELS } from '../../src/model/names.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, startLifeboat } from './lifeboat.ts';
import { freePort, until } from './receivers.ts';
import { filesIn, histories, runsOf, type Written, watchEngine, watchSteps } from './written-down.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

/** The command, with what it prints. */
export async function command(lifeboat: Lifeboat, args: string[]): Promise<Written & { code: number }> {
  const child = spawn(LIFEBOAT, args, {
    env: {
      ...process.env,
      LIFEBOAT_CONFIG: lifeboat.configFile,
      TEMPORAL_CONFIG_FILE: '/nowhere',
      DOCKER_HOST: lifeboat.testbed.docker.host,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code: code as number, place: `output of lifeboat ${args.join(' ')}`, data: `${out}\n${err}` };
}

export interface Work {
  lifeboat: Lifeboat;
  /** The local repository. */
  folder: string;
  /** The server of metrics. */
  metrics: string;
  /** What was written down or handed out so far; the rest is added at the end. */
  written: Written[];
  /** Containers that the worker made so far. */
  containers: ContainerInspectInfo[];
}

/** Let an installation work, and collect everything that it wrote down or handed out. */
export async function installation(
  config: Record<string, unknown> & { services: object },
  offsite: Record<string, object>,
  work: (work: Work) => Promise<void>,
  /** People can't be told, which is tried for an hour: then one try of each is enough. Default false. */
  untold = false,
): Promise<Written[]> {
  const port = await freePort();
  const folder = await mkdtemp(join(useTestbed().directory, 'canary-'));
  const lifeboat = await startLifeboat({
    ...config,
    repositories: { local: { kind: 'directory', path: folder }, ...offsite },
    telemetry: { port, logLevel: 'trace', refresh: '5s' },
  });
  let log = lifeboat.worker.output();
  for (const stream of [lifeboat.worker.process.stdout, lifeboat.worker.process.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const steps = watchSteps(lifeboat);
  const engine = await watchEngine(lifeboat);
  const { containers } = engine;
  const written: Written[] = [];
  try {
    await work({ lifeboat, folder, metrics: `http://127.0.0.1:${port}`, written, containers });
    // Telling, and copying, go on after the run that they belong to.
    await until(async () => {
      const open = await openRuns(lifeboat);
      return open.length === 0 || (untold && (await wereTried(lifeboat, open)));
    });
    await Promise.all([engine.stop(), steps.stop()]);
    written.push(...(await histories(lifeboat)), ...steps.seen, ...engine.seen, ...(await filesIn(folder)));
    written.push({ place: 'log of the worker', data: log });
    return written;
  } finally {
    await Promise.all([engine.stop(), steps.stop()]);
    for (const { workflowId } of await openRuns(lifeboat)) {
      const handle = lifeboat.client.workflow.getHandle(workflowId);
      await handle.terminate('the test is over').catch(() => undefined);
    }
    await lifeboat.close();
    await rm(folder, { recursive: true, force: true });
    for (const { name, labels } of await listVolumes(lifeboat.engine, {})) {
      if (labels[LABELS.installation] !== lifeboat.taskQueue) continue;
      const volume = lifeboat.engine.getVolume(name);
      await volume.remove().catch(() => undefined);
    }
  }
}

const openRuns = (lifeboat: Lifeboat) => runsOf(lifeboat, ' AND ExecutionStatus = "Running"');

/** Whether nothing goes on but steps that failed once and are tried again, in runs that tell people. */
async function wereTried(lifeboat: Lifeboat, open: WorkflowExecutionInfo[]): Promise<boolean> {
  const tried = open.map(async ({ type, workflowId, runId }) => {
    const { raw } = await lifeboat.client.workflow.getHandle(workflowId, runId).describe();
    const steps = raw.pendingActivities ?? [];
    return type === 'notification' && steps.length > 0 && steps.every(({ lastFailure }) => lastFailure);
  });
  return (await Promise.all(tried)).every(Boolean);
}

/** An answer of a server of Lifeboat's. */
export async function page(url: string, headers: Record<string, string> = {}): Promise<Written> {
  const answer = await fetch(url, { headers });
  const shown = [...answer.headers].map((one) => one.join(': ')).join('\n');
  return { place: `page ${url}`, data: `${shown}\n${await answer.text()}` };
}
