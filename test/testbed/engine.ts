import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { cacheDirectory } from './cache.ts';
import { onPath, runCommand } from './command.ts';
import { canInstallPackages, ensurePackages } from './debian.ts';
import { withLock } from './lock.ts';
import {
  type DetachedProcess,
  endProcess,
  identify,
  isRunning,
  type ProcessIdentity,
  startDetached,
  TESTBED_VARIABLE,
  untilReady,
} from './process.ts';
import { type Say, silently } from './progress.ts';

/** A Docker engine that answers. */
export interface DockerEngine {
  /** As in `DOCKER_HOST`: `unix:///path` or what the environment said. */
  host: string;
  docker: Docker;
  /** Where the engine keeps its things when the testbed started it; undefined for the machine's own engine. */
  directory?: string;
}

/** A client of the engine at `host` (as in `DOCKER_HOST`); TLS comes from `DOCKER_CERT_PATH`, as usual. */
export function connectDocker(host: string): Docker {
  if (host.startsWith('unix://')) return new Docker({ socketPath: host.slice('unix://'.length) });
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = host;
  try {
    return new Docker();
  } finally {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  }
}

/** The engine that `DOCKER_HOST` names, or else the default socket's, when it answers. */
export async function findEngine(): Promise<DockerEngine | undefined> {
  const given = process.env.DOCKER_HOST;
  const host = given || 'unix:///var/run/docker.sock';
  const docker = connectDocker(host);
  if (await answers(docker)) return { host, docker };
  if (given) {
    throw new Error(`No Docker engine answers at DOCKER_HOST (${given}). Start it, or unset DOCKER_HOST.`);
  }
  return undefined;
}

async function answers(docker: Docker): Promise<boolean> {
  const answer = docker.ping().then(
    () => true,
    () => false,
  );
  return Promise.race([answer, delay(3000, false, { ref: false })]);
}

/**
 * Use an engine for the testbed `user`: the machine's, else a private one that all testbeds of this cache share.
 * @throws with a sentence on what is missing where no engine answers and none can be installed.
 */
export async function acquireEngine(
  user: string,
  owner?: number,
  say: Say = silently,
): Promise<DockerEngine> {
  const found = await findEngine();
  if (found) return found;
  await installEngine(say);
  const directory = cacheDirectory('engine');
  return withLock('engine-users', async () => {
    const users = await mkdir(join(directory, 'users'), { recursive: true }).then(() =>
      join(directory, 'users'),
    );
    const identity = owner === undefined ? null : (identify(owner) ?? null);
    await writeFile(join(users, user), JSON.stringify(identity));
    return startPrivateEngine({ directory, say });
  });
}

/** The testbed `user` needs the engine no longer. The last one's leaving stops a private engine. */
export async function releaseEngine(user: string): Promise<void> {
  const directory = cacheDirectory('engine');
  await withLock('engine-users', async () => {
    await rm(join(directory, 'users', user), { force: true });
    if ((await livingUsers(join(directory, 'users'))) === 0) await stopPrivateEngine(directory);
  });
}

/** How many testbeds use the private engine; those whose owner was killed are forgotten. */
async function livingUsers(directory: string): Promise<number> {
  let living = 0;
  for (const name of await readdir(directory).catch(() => [])) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => 'null');
    const owner = JSON.parse(text || 'null') as ProcessIdentity | null;
    if (owner && !isRunning(owner)) await rm(join(directory, name), { force: true });
    else living++;
  }
  return living;
}

/** Make sure that the programs of a private engine are there. @throws with a sentence on what is missing. */
export async function installEngine(say: Say): Promise<void> {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') {
    throw new Error(
      'No Docker engine answers at the default socket. Start Docker, or set DOCKER_HOST, and try again; only as root on Debian can the testbed start an engine of its own.',
    );
  }
  if ((await onPath('dockerd')) && (await onPath('containerd'))) return;
  if (!(await canInstallPackages())) {
    throw new Error('This machine has no Docker engine. Install one and try again.');
  }
  await ensurePackages(['docker.io'], say);
}

/**
 * Start a Docker engine of one's own, or answer the one that already runs in this directory.
 * What a killed engine left in the directory is no obstacle. Containers get the host's network or none.
 */
export async function startPrivateEngine(options: { directory: string; say?: Say }): Promise<DockerEngine> {
  const { directory, say = silently } = options;
  return withLock(`engine ${directory}`, async () => {
    const engine = privateEngine(directory);
    if (await answers(engine.docker)) return engine;
    say('starting a private Docker engine');
    await clearLeftovers(directory);
    await mkdir(runDirectory(directory), { recursive: true });
    const process_ = await startDetached((await onPath('dockerd')) ?? 'dockerd', engineArguments(directory), {
      log: join(directory, 'dockerd.log'),
      // It may outlive the testbed that started it.
      environment: { ...process.env, [TESTBED_VARIABLE]: '' },
    });
    await writeFile(processFile(directory), JSON.stringify({ pid: process_.pid, started: process_.started }));
    await untilEngineAnswers(engine, process_);
    return engine;
  });
}

function privateEngine(directory: string): DockerEngine {
  const host = `unix://${join(runDirectory(directory), 'docker.sock')}`;
  return { host, docker: connectDocker(host), directory };
}

/** Sockets live apart from the store, because the path of a socket may have 107 characters at most. */
function runDirectory(directory: string): string {
  return `/run/lifeboat-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}

const processFile = (directory: string): string => join(runDirectory(directory), 'process.json');

function engineArguments(directory: string): string[] {
  const run = runDirectory(directory);
  return [
    `--host=unix://${join(run, 'docker.sock')}`,
    `--data-root=${join(directory, 'data')}`,
    `--exec-root=${join(run, 'exec')}`,
    `--pidfile=${join(run, 'docker.pid')}`,
    // No bridge and no firewall rules: nothing outside the engine's own directories changes.
    '--bridge=none',
    '--iptables=false',
    '--log-level=warn',
  ];
}

async function untilEngineAnswers(engine: DockerEngine, program: DetachedProcess): Promise<void> {
  await untilReady(
    'The Docker engine',
    60,
    async () => ((await answers(engine.docker)) ? true : undefined),
    program,
  );
}

/** What a killed engine left: a process that no longer answers, its containerd, a pid file, a socket. */
async function clearLeftovers(directory: string): Promise<void> {
  const process_ = await engineProcess(directory);
  if (process_) await endProcess(process_, 20_000);
  const run = runDirectory(directory);
  // An engine finds the containerd of its predecessor by this file and takes it over; a recycled id would mislead it.
  const containerdFile = join(run, 'exec', 'containerd', 'containerd.pid');
  const containerd = Number(await readFile(containerdFile, 'utf8').catch(() => '0'));
  if (containerd > 0) {
    const command = await readFile(`/proc/${containerd}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(run)) await endProcess(identify(containerd) ?? { pid: 0, started: 'ended' });
    await rm(containerdFile, { force: true });
  }
  await rm(join(run, 'docker.pid'), { force: true });
  await rm(join(run, 'docker.sock'), { force: true });
}

async function engineProcess(directory: string): Promise<ProcessIdentity | undefined> {
  if (!existsSync(processFile(directory))) return undefined;
  try {
    const identity = JSON.parse(await readFile(processFile(directory), 'utf8')) as ProcessIdentity;
    return isRunning(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}

/** Stop the private engine of this directory, as `systemctl stop docker` does: its containers are stopped with it. */
export async function stopPrivateEngine(directory: string): Promise<void> {
  if (!existsSync(runDirectory(directory))) return;
  // Containers outlive an engine that was killed. Only an engine that knows them ends them.
  if (!(await engineProcess(directory))) await startPrivateEngine({ directory }).catch(() => {});
  const process_ = await engineProcess(directory);
  if (process_) await endProcess(process_, 60_000);
  await clearLeftovers(directory);
  await unmountBelow(directory, runDirectory(directory));
  await rm(runDirectory(directory), { recursive: true, force: true });
}

/** Unmount what is mounted below these: a killed engine leaves its mounts, and they would keep its directory from being removed. */
export async function unmountBelow(...directories: string[]): Promise<void> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const points = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  const below = (point: string) => directories.some((one) => point === one || point.startsWith(`${one}/`));
  // The innermost and latest first.
  for (const point of points.filter(below).reverse())
    await runCommand('umount', ['--lazy', point]).catch(() => {});
}

/** Kill the private engine of this directory with SIGKILL, as a crash does. Its containers go on running. */
export async function killPrivateEngine(directory: string): Promise<void> {
  const process_ = await engineProcess(directory);
  if (process_) await endProcess(process_, 0, 'SIGKILL');
}

/** Stop and start a private engine; without a restart policy, its containers stay stopped. */
export async function restartEngine(
  engine: DockerEngine,
  how: 'stop' | 'kill' = 'stop',
): Promise<DockerEngine> {
  if (engine.directory === undefined) {
    throw new Error(`The Docker engine at ${engine.host} is not the testbed's own, so it is not restarted.`);
  }
  const { directory } = engine;
  if (how === 'kill') await killPrivateEngine(directory);
  else await stopPrivateEngine(directory);
  return startPrivateEngine({ directory });
}
