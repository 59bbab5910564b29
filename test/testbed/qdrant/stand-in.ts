import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../cache.ts';
import { runCommand } from '../command.ts';
import { withLock } from '../lock.ts';
import { freePort } from '../ports.ts';
import { type DetachedProcess, endProcess, isRunning, startDetached } from '../process.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Changes with requirements.txt, so that an older cache is not taken for this one. */
const ENVIRONMENT = 'qdrant-edge-0.9.0-aiohttp-3.14.5';

export interface QdrantStandInOptions {
  /** Where it keeps its points and snapshots; made when it is missing. A second start on it goes on with what is there. */
  directory: string;
  /** Default: a free one. */
  port?: number;
  apiKey?: string;
  readOnlyApiKey?: string;
  /** Default: that of this process. */
  environment?: NodeJS.ProcessEnv;
  /** A file that its output is added to. Default: `stand-in.log` in the directory. */
  log?: string;
  /** Let tests ask for faults at `/__testbed/faults` (see faults.py). Default false. */
  faults?: boolean;
  /** The base URLs of all nodes of a cluster, and which of them this is. Default: a server of its own. */
  cluster?: { urls: readonly string[]; node: number };
}

export interface QdrantStandIn {
  /** Its base URL, on 127.0.0.1. */
  url: string;
  /** It outlives the process that started it; this is how it is found again. */
  pid: number;
  stop(): Promise<void>;
}

/** Start a stand-in for a Qdrant server and wait until it is ready; its Python packages are had from PyPI once and kept. */
export async function startQdrantStandIn(options: QdrantStandInOptions): Promise<QdrantStandIn> {
  const python = await pythonEnvironment();
  await mkdir(options.directory, { recursive: true });
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const cluster = options.cluster
    ? ['--peers', options.cluster.urls.join(','), '--node', String(options.cluster.node)]
    : [];
  const environment: NodeJS.ProcessEnv = {
    ...(options.environment ?? process.env),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  delete environment.QDRANT__SERVICE__API_KEY;
  delete environment.QDRANT__SERVICE__READ_ONLY_API_KEY;
  if (options.apiKey) environment.QDRANT__SERVICE__API_KEY = options.apiKey;
  if (options.readOnlyApiKey) environment.QDRANT__SERVICE__READ_ONLY_API_KEY = options.readOnlyApiKey;
  const program = await startDetached(
    python,
    [
      join(HERE, 'server.py'),
      '--directory',
      options.directory,
      '--port',
      String(port),
      ...cluster,
      ...(options.faults ? ['--faults'] : []),
    ],
    { log: options.log ?? join(options.directory, 'stand-in.log'), environment },
  );
  try {
    await untilItAnswers(url, program);
  } catch (error) {
    await endProcess(program);
    throw error;
  }
  return { url, pid: program.pid, stop: () => endProcess(program) };
}

/** Start several stand-ins as one cluster, each with its shards in a folder of its own. */
export async function startQdrantStandInCluster(
  options: Omit<QdrantStandInOptions, 'port' | 'cluster' | 'log'> & { nodes?: number },
): Promise<{ nodes: QdrantStandIn[]; stop(): Promise<void> }> {
  const { nodes: count = 2, ...rest } = options;
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  const urls = [...ports].map((port) => `http://127.0.0.1:${port}`);
  const nodes: QdrantStandIn[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const [node, port] of [...ports].entries()) {
      const directory = join(options.directory, `node-${node + 1}`);
      nodes.push(await startQdrantStandIn({ ...rest, directory, port, cluster: { urls, node } }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, stop };
}

async function untilItAnswers(url: string, program: DetachedProcess): Promise<void> {
  const until = Date.now() + 60_000;
  while (Date.now() < until && isRunning(program)) {
    try {
      const response = await fetch(`${url}/readyz`);
      await response.text();
      if (response.ok) return;
    } catch {
      // Not yet.
    }
    await delay(50);
  }
  const what = isRunning(program) ? 'was not ready within 60 s' : 'ended while it started';
  throw new Error(`The Qdrant stand-in at ${url} ${what}: ${program.output()}`);
}

/** The Python program of an environment that has the packages of requirements.txt; made aside and renamed, once for all runs. */
async function pythonEnvironment(): Promise<string> {
  const cache = cacheDirectory('python');
  const home = join(cache, ENVIRONMENT);
  const python = join(home, 'bin', 'python');
  if (existsSync(python)) return python;
  return withLock(ENVIRONMENT, async () => {
    if (existsSync(python)) return python;
    const aside = await mkdtemp(join(cache, 'making-'));
    try {
      await runCommand('python3', ['-m', 'venv', aside]);
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
      await runCommand(join(aside, 'bin', 'python'), [...pip, '-r', join(HERE, 'requirements.txt')]);
      // Only `bin/python` is used, which finds its environment by the file beside it, so it may move.
      await rename(aside, home);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      throw error;
    }
    return python;
  });
}
