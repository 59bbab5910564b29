import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { openConnection } from '../temporal/connection.ts';

export interface EmbeddedTemporalOptions {
  /** Where its database is kept; made when it is not there. */
  directory: string;
  port: number;
  /** 0: no web page. */
  uiPort: number;
  namespace: string;
  /** It ended without being asked to. */
  onExit?: () => void;
}

export interface EmbeddedTemporal {
  address: string;
  ui?: string;
  stop(): Promise<void>;
}

/** How long the server gets to answer after its start (milliseconds). */
const START_TIMEOUT = 60_000;
/** How long it gets to end by itself (milliseconds). */
const STOP_TIMEOUT = 10_000;

/**
 * Start Temporal's own development server with its state in a file, on this machine only.
 * The program `temporal` is looked for in LIFEBOAT_TEMPORAL_BIN, then on the PATH.
 * @throws {LifeboatError} `HostUnreachable` when the program is missing, or does not start.
 */
export async function startTemporal(options: EmbeddedTemporalOptions): Promise<EmbeddedTemporal> {
  const program = await findProgram();
  const address = `127.0.0.1:${options.port}`;
  if (await answers(address)) {
    throw new LifeboatError(
      'InvalidConfiguration',
      `Something answers at ${address} already: use that server with \`lifeboat worker --schedules\`, or give --port.`,
    );
  }
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const ui =
    options.uiPort === 0 ? ['--headless'] : ['--ui-port', String(options.uiPort), '--ui-ip', '127.0.0.1'];
  const server = spawn(
    program,
    [
      'server',
      'start-dev',
      '--ip',
      '127.0.0.1',
      '--port',
      String(options.port),
      ...ui,
      '--namespace',
      options.namespace,
      '--db-filename',
      join(options.directory, 'temporal.db'),
      '--log-level',
      'error',
    ],
    // In a group of its own: a Ctrl-C is for us, and the worker needs the server until it has ended.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  let said = '';
  server.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  const failure = new Promise<never>((_resolve, reject) => server.once('error', reject));
  failure.catch(() => undefined);
  let stopping = false;
  // A second Ctrl-C ends this process at once; the server would outlive it.
  const endWithUs = () => server.kill('SIGKILL');
  process.once('exit', endWithUs);
  server.once('exit', () => {
    process.off('exit', endWithUs);
    if (!stopping) options.onExit?.();
  });
  const stop = async (): Promise<void> => {
    stopping = true;
    await end(server);
  };
  try {
    await Promise.race([ready(address, server), failure]);
  } catch (cause) {
    await stop();
    throw new LifeboatError(
      'HostUnreachable',
      `The embedded Temporal server (${program}) did not start: ${messageOf(cause)} ${said.trim()}`.trim(),
      { cause },
    );
  }
  return { address, ...(options.uiPort !== 0 && { ui: `http://127.0.0.1:${options.uiPort}` }), stop };
}

async function findProgram(): Promise<string> {
  const named = process.env.LIFEBOAT_TEMPORAL_BIN;
  const candidates = named
    ? [named]
    : (process.env.PATH ?? '')
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, 'temporal'));
  for (const candidate of candidates) {
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return candidate;
  }
  throw new LifeboatError(
    'HostUnreachable',
    named
      ? `LIFEBOAT_TEMPORAL_BIN names ${named}, which is no program.`
      : 'The program "temporal" is not on the PATH: install the Temporal CLI, or name it with LIFEBOAT_TEMPORAL_BIN.',
  );
}

async function ready(address: string, server: ChildProcess): Promise<void> {
  const until = Date.now() + START_TIMEOUT;
  while (Date.now() < until) {
    if (server.exitCode !== null) throw new Error(`it ended with code ${server.exitCode}.`);
    if (await answers(address)) return;
    await setTimeout(200);
  }
  throw new Error(`it did not answer within ${START_TIMEOUT / 1000} seconds.`);
}

async function answers(address: string): Promise<boolean> {
  try {
    const connection = await openConnection({ address, connectTimeout: 1_000 });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const late = setTimeout(STOP_TIMEOUT, 'late' as const, { ref: false });
  if ((await Promise.race([ended, late])) === 'late') {
    server.kill('SIGKILL');
    await ended;
  }
}
