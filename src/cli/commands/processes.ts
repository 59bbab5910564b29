import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../../config/config.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import { applySchedules } from '../../schedules/apply-schedules.ts';
import { serveCodec } from '../../temporal/codec-server.ts';
import { codecOf } from '../../temporal/data-converter.ts';
import { type Context, runs } from '../command.ts';
import { startTemporal } from '../embedded-temporal.ts';
import { EXIT } from '../exit-code.ts';
import { keepRuns } from '../run-retention.ts';
import { connect } from '../session.ts';

interface UpOptions {
  state: string;
  port: number;
  uiPort: number;
  schedules: boolean;
}

/** `worker`, `up` and `codec-server`: processes that stay. */
export function addProcessCommands(program: Command): void {
  const worker = program
    .command('worker')
    .description('serve the task queue until the process is asked to end')
    .option('--schedules', 'first bring the server’s schedules to what is declared');
  runs(worker, async ({ session, terminal }: Context, options: { schedules?: boolean }) => {
    const config = await session.config();
    const ending = endOnSignals();
    if (options.schedules) await applyDeclared(config, terminal);
    await serve(config, terminal, ending.signal);
    return EXIT.ok;
  });

  const up = program
    .command('up')
    .description('everything in one process: an embedded Temporal server, the worker and the schedules')
    .option('--state <dir>', 'where the server keeps its state', process.env.LIFEBOAT_STATE ?? '.lifeboat')
    .option('--port <port>', 'port of the server', portFrom(1), 7233)
    .option('--ui-port <port>', 'port of its web page; 0 for none', portFrom(0), 8233)
    .option('--no-schedules', 'leave the schedules as they are');
  runs(up, async ({ session, terminal }: Context, options: UpOptions) => {
    const declared = await session.config();
    const ending = endOnSignals();
    let lost = false;
    const server = await startTemporal({
      directory: resolve(options.state),
      port: options.port,
      uiPort: options.uiPort,
      namespace: declared.temporal.namespace,
      onExit: () => {
        lost = true;
        ending.abort();
      },
    });
    try {
      terminal.note(
        `Temporal runs at ${server.address}${server.ui ? `, its page at ${server.ui}` : ''}; state in ${resolve(options.state)}`,
      );
      const config = onEmbedded(declared, server.address, resolve(options.state));
      await keepRunsLonger(config, terminal);
      if (options.schedules && !ending.signal.aborted) await applyDeclared(config, terminal);
      if (!ending.signal.aborted) await serve(config, terminal, ending.signal);
    } finally {
      await server.stop();
    }
    if (lost) {
      throw new LifeboatError(
        'HostUnreachable',
        'The embedded Temporal server ended by itself, and the worker with it: start lifeboat up again, which goes on with what was under way.',
      );
    }
    return EXIT.ok;
  });

  const codecServer = program
    .command('codec-server')
    .description('decrypt for the Temporal UI and CLI what temporal.codec encrypts');
  runs(codecServer, async ({ session, terminal }: Context) => {
    const config = await session.config();
    const { codec } = config.temporal;
    if (!codec) {
      throw new LifeboatError(
        'InvalidConfiguration',
        'There is nothing to serve: temporal.codec is not configured, so nothing in Temporal is encrypted.',
      );
    }
    const ending = endOnSignals();
    const server = await serveCodec(codec.server, codecOf(config));
    const pages = codec.server.origins.join(', ') || 'no page (temporal.codec.server.origins)';
    terminal.note(`The codec server answers at ${server.url}, to programs and ${pages}. End it with Ctrl-C.`);
    await untilEnded(ending.signal);
    await server.close();
    return EXIT.ok;
  });
}

/** Reads a port; what is none is refused with the option's name and what it takes. */
const portFrom =
  (lowest: 0 | 1) =>
  (text: string): number => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
    if (port >= lowest && port <= 65_535) return port;
    throw new InvalidArgumentError(`It must be a whole number from ${lowest} to 65535.`);
  };

/** Servers that run beside a worker do not keep a process alive; this does. */
async function untilEnded(signal: AbortSignal): Promise<void> {
  const forever = 2 ** 31 - 1;
  while (!signal.aborted) await setTimeout(forever, undefined, { signal }).catch(() => undefined);
}

/** The embedded server takes neither TLS nor keys, whatever this machine is set up to use otherwise. */
function onEmbedded(declared: Config, address: string, state: string): Config {
  for (const key of Object.keys(process.env)) if (key.startsWith('TEMPORAL_')) delete process.env[key];
  process.env.TEMPORAL_CONFIG_FILE = join(state, 'temporal.toml');
  const { profile: _, ...temporal } = declared.temporal;
  return { ...declared, temporal: { ...temporal, address } };
}

/** The worker is loaded only here: its native parts take a moment, and no other command needs them. */
async function serve(config: Config, terminal: Context['terminal'], signal: AbortSignal): Promise<void> {
  const { runWorker } = await import('../../worker.ts');
  const { taskQueue } = config.temporal;
  await runWorker(config, {
    signal,
    onReady: () => terminal.note(`The worker serves the task queue "${taskQueue}". End it with Ctrl-C.`),
  });
}

/** A calendar of runs that forgets is no reason not to serve. */
async function keepRunsLonger(config: Config, terminal: Context['terminal']): Promise<void> {
  try {
    const { connection, namespace } = await connect(config);
    try {
      await keepRuns(connection.workflowService, namespace);
    } finally {
      await connection.close();
    }
  } catch (error) {
    terminal.note(`The embedded Temporal server forgets runs after a day: ${messageOf(error)}`);
  }
}

async function applyDeclared(config: Config, terminal: Context['terminal']): Promise<void> {
  const { client, connection, taskQueue } = await connect(config);
  try {
    for (const { change, id } of await applySchedules(client.schedule, config.schedules, { taskQueue })) {
      if (change !== 'unchanged') terminal.note(`Schedule ${id}: ${change}d`.replace('createdd', 'created'));
    }
  } finally {
    await connection.close();
  }
}

/** Ends gently at SIGINT, SIGTERM; a second one ends at once. */
function endOnSignals(): AbortController {
  const ending = new AbortController();
  const end = (): void => {
    if (ending.signal.aborted) process.exit(EXIT.detached);
    ending.abort();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return ending;
}
