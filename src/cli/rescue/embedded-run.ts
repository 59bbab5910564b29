import { randomUUID } from 'node:crypto';
import { link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { startTemporal } from '../embedded-temporal.ts';
import { followRun } from '../follow-run.ts';
import { progressView } from '../progress-view.ts';
import { type Connected, connect } from '../session.ts';
import { runId } from '../start-run.ts';
import type { Terminal } from '../terminal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Run one workflow to its end on a Temporal server and a worker of this process's own; both are gone afterwards.
 * Ctrl-C cancels the run and waits for it: what it stopped is started again first.
 * @throws what the run failed with.
 */
export async function runEmbedded<Result>(
  declared: Config,
  terminal: Terminal,
  workflow: string,
  input: Record<string, unknown>,
): Promise<Result> {
  const alone = await beAlone();
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-rescue-'));
  const ending = new AbortController();
  try {
    terminal.note('Starting a Temporal server and a worker of its own for this run.');
    const server = await startTemporal({
      directory,
      port: await freePort(),
      uiPort: 0,
      namespace: declared.temporal.namespace,
      onExit: () => ending.abort(),
    });
    try {
      const config = onlyHere(declared, server.address, directory);
      return await serving(config, ending, () => follow(config, terminal, workflow, input));
    } finally {
      await server.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(alone, { force: true });
  }
}

/**
 * Two rescues have one name on the engine and two Temporal servers: each would take the other's work for that of a dead run, and end it.
 * @returns the file that says so, to be removed at the end.
 */
async function beAlone(): Promise<string> {
  const file = join(tmpdir(), `lifeboat-rescue-${process.getuid?.() ?? ''}.pid`);
  const own = `${file}.${randomUUID()}`;
  await writeFile(own, String(process.pid), { mode: 0o600 });
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        // With its text at once, so that nobody reads it empty.
        await link(own, file);
        return file;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) throw error;
      }
      const other = Number(await readFile(file, 'utf8').catch(() => ''));
      // In a container that is started again everybody is process 1.
      if (other !== process.pid && isAlive(other)) {
        throw new LifeboatError(
          'ServiceBusy',
          `Another rescue runs on this machine (process ${other}): wait for its end, or give it what this one was to restore. If there is no such rescue, remove ${file}.`,
        );
      }
      await rm(file, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The server of this run takes neither TLS nor keys, whatever this machine is set up to use otherwise. */
function onlyHere(declared: Config, address: string, directory: string): Config {
  for (const key of Object.keys(process.env)) if (key.startsWith('TEMPORAL_')) delete process.env[key];
  process.env.TEMPORAL_CONFIG_FILE = join(directory, 'temporal.toml');
  const { profile: _, ...temporal } = declared.temporal;
  return { ...declared, temporal: { ...temporal, address } };
}

/** With a worker that serves while `call` runs; the worker's own end before that is a failure. */
async function serving<T>(config: Config, ending: AbortController, call: () => Promise<T>): Promise<T> {
  // Loaded only here: the worker's native parts take a moment.
  const { runWorker } = await import('../../worker.ts');
  const ready = Promise.withResolvers<void>();
  const worker = runWorker(config, { signal: ending.signal, onReady: () => ready.resolve() });
  const gone = worker.then((): never => {
    throw new LifeboatError(
      'HostUnreachable',
      'The Temporal server of this run ended by itself: look whether the containers run, and run the command again.',
    );
  });
  gone.catch(() => undefined);
  try {
    await Promise.race([ready.promise, gone]);
    // The SDK would end the worker at a signal, and a cancelled run still needs it.
    for (const signal of SIGNALS) process.removeAllListeners(signal);
    return await Promise.race([call(), gone]);
  } finally {
    ending.abort();
    await worker.catch(() => undefined);
  }
}

async function follow<Result>(
  config: Config,
  terminal: Terminal,
  workflow: string,
  input: Record<string, unknown>,
): Promise<Result> {
  const connected: Connected = await connect(config);
  const { client, taskQueue, connection } = connected;
  const over = new AbortController();
  const view = progressView(terminal);
  try {
    const handle = await client.workflow.start(workflow, {
      workflowId: runId(workflow),
      taskQueue,
      args: [input],
    });
    const cancel = (): void => {
      terminal.note('Cancelling: what was stopped is started again first.');
      void handle.cancel().catch(() => undefined);
    };
    for (const signal of SIGNALS) process.on(signal, cancel);
    const following = followRun(connected, handle, (seen) => view.show(seen), over.signal);
    try {
      return (await handle.result()) as Result;
    } finally {
      over.abort();
      await following;
      for (const signal of SIGNALS) process.off(signal, cancel);
    }
  } finally {
    view.stop();
    await connection.close();
  }
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}
