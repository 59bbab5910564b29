import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { connectEngine, type Engine } from '../../src/adapters/docker/engine.ts';
import { listInterruptions } from '../../src/adapters/docker/interruption.ts';
import { listVolumes } from '../../src/adapters/docker/volume.ts';
import { readSets, type SetDetails } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Neo4jRecord } from '../../src/model/manifest.ts';
import { hostQueue } from '../../src/model/names.ts';
import { codecOf, openClient } from '../../src/temporal/data-converter.ts';
import type { CodecUse } from '../../src/temporal/payload-codec.ts';
import type { Cause } from '../../src/workflows/failure.ts';
import type { WatchdogResult } from '../../src/workflows/watchdog.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { type Testbed, useTestbed } from '../testbed/testbed.ts';
import { until } from '../testbed/until.ts';

const WORKER = fileURLToPath(new URL('../../src/worker.ts', import.meta.url));

const FAULTY_WORKER = fileURLToPath(new URL('../faults/faulty-worker.ts', import.meta.url));

/** Where a worker misbehaves: after an activity did its work, and before anybody hears of it. */
export interface WorkerFault {
  activity: string;
  /** Throw instead of answering, or answer nothing until somebody kills or cancels. */
  how: 'fail' | 'stall';
  /** Written when it happens. */
  marker: string;
}

/** Lifeboat as a user runs it: a configuration file, a worker process, a Temporal client. One a test file. */
export interface Lifeboat {
  testbed: Testbed;
  engine: Engine;
  client: Client;
  taskQueue: string;
  /** The primary repository. */
  repository: DirectoryRepository;
  /** A scratch directory. */
  directory: string;
  /** The configuration, as JSON. */
  configFile: string;
  start(type: string, input?: object, workflowId?: string): Promise<WorkflowHandle>;
  run<T>(type: string, input?: object): Promise<T>;
  /** How a run failed, at its root. */
  failureOf(handle: WorkflowHandle): Promise<Cause>;
  sets(): Promise<SetDetails[]>;
  /** What a set says of its first service, which is a Neo4j. */
  neo4jRecord(set: string): Promise<Neo4jRecord>;
  worker: WorkerProcess;
  /** @param fault a step at which the worker stalls or fails: see `test/faults/faulty-worker.ts`; `env`: variables that differ. */
  startWorker(fault?: WorkerFault, env?: NodeJS.ProcessEnv): Promise<WorkerProcess>;
  /** From now on the worker misbehaves nowhere. */
  mend(): Promise<void>;
  /** Start a run with a worker that does one step and then misbehaves; resolves when it has done it. */
  startBroken(fault: Omit<WorkerFault, 'marker'>, type: string, input?: object): Promise<BrokenRun>;
  /** Let the watchdog look, after the look of the worker's start is over: what that has under way is nobody's to remove. Answers both. */
  look(): Promise<WatchdogResult[]>;
  /** Everything of Lifeboat's that is left in the engine for these services: should be empty when it is quiet. */
  remains(services: string[]): Promise<string[]>;
  /** Wait until nothing is: a critical section cleans up after the database serves again. @param withinMs default five minutes */
  nothingRemains(services: string[], withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface BrokenRun {
  handle: WorkflowHandle;
  /** Let a stalled step answer at last. */
  goOn(): Promise<void>;
}

export interface WorkerProcess {
  pid: number;
  process: ChildProcess;
  isAlive(): boolean;
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A word that no other test uses: services, and with them locks, are known to the whole Temporal server. */
export const unique = (name: string): string => `${name}-${randomBytes(3).toString('hex')}`;

/** A service's section of the configuration for a server of the testbed; in the mode with the fewest steps. */
export function neo4jSection(server: Neo4jServer, more: object = {}): object {
  return {
    kind: 'neo4j',
    container: server.containerName,
    bolt: server.boltUrl,
    username: server.username,
    password: server.password,
    mode: 'dump',
    ...more,
  };
}

/**
 * @param config services, and what else differs from a primary directory repository called `local`; with `host` one of a fleet.
 * @param options.codec what the test's own client goes by; default: the configuration's codec, as the worker does
 * @param options.apart the worker does not see the engine's volumes, as in a container or on another machine
 */
export async function startLifeboat(
  config: { services: object } & Record<string, unknown>,
  { codec, apart = false }: { codec?: CodecUse; apart?: boolean } = {},
): Promise<Lifeboat> {
  const testbed = useTestbed();
  const directory = await mkdtemp(join(testbed.directory, 'lifeboat-'));
  const taskQueue = typeof config.host === 'string' ? hostQueue(config.host) : unique('lifeboat-test');
  const path = join(directory, 'repository');
  await mkdir(path);
  const file = join(directory, 'lifeboat.yaml');
  // JSON is YAML.
  const text = JSON.stringify({
    repositories: { local: { kind: 'directory', path } },
    // Many workers run at the same time here, and one port is enough for one.
    telemetry: { enabled: false },
    ...config,
    temporal: {
      ...(config.temporal as object | undefined),
      address: testbed.temporal.address,
      namespace: testbed.temporal.namespace,
      ...(config.host ? {} : { taskQueue }),
    },
  });
  await writeFile(file, text);
  const connection = await Connection.connect({ address: testbed.temporal.address });
  const client = openClient(
    connection,
    testbed.temporal.namespace,
    codec ?? codecOf(await loadConfig({ file })),
  );
  const engine = connectEngine({ socketPath: testbed.docker.socketPath });
  const repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });

  const around = apart ? await withoutVolumes(engine) : [];
  const faultFile = join(directory, 'fault.json');
  const setFault = async (fault?: WorkerFault) => {
    if (!fault) return await rm(faultFile, { force: true });
    await writeFile(`${faultFile}.new`, JSON.stringify(fault));
    await rename(`${faultFile}.new`, faultFile);
  };
  /** Whether workers of this test can misbehave: the first that has to is another program, and so are those after it. */
  let breakable = false;
  const startWorker = async (fault?: WorkerFault, env: NodeJS.ProcessEnv = {}) => {
    breakable ||= fault !== undefined;
    await setFault(fault);
    return await spawnWorker(
      breakable ? FAULTY_WORKER : WORKER,
      {
        ...process.env,
        LIFEBOAT_TEST_FAULT: faultFile,
        DOCKER_HOST: testbed.docker.host,
        LIFEBOAT_CONFIG: file,
        LIFEBOAT_UPLOADS: join(directory, 'uploads'),
        LIFEBOAT_WORKFLOW_BUNDLE: join(testbed.directory, 'workflow-bundle.js'),
        ...env,
      },
      around,
    );
  };
  const lifeboat: Lifeboat = {
    testbed,
    engine,
    client,
    taskQueue,
    repository,
    directory,
    configFile: file,
    async start(type, input, workflowId = unique(type)) {
      return await client.workflow.start(type, {
        taskQueue,
        workflowId,
        args: input === undefined ? [] : [input],
      });
    },
    async run<T>(type: string, input?: object) {
      return (await (await lifeboat.start(type, input)).result()) as T;
    },
    async failureOf(handle) {
      try {
        await handle.result();
      } catch (error) {
        return causeOfFailure(error);
      }
      throw new Error(`${handle.workflowId} was expected to fail, and completed.`);
    },
    sets: async () => await readSets(repository),
    async neo4jRecord(set) {
      const found = (await readSets(repository)).find((one) => one.set === set);
      assert.ok(found && 'manifest' in found);
      const [record] = found.manifest.services;
      assert.ok(record?.kind === 'neo4j');
      return record;
    },
    worker: await startWorker(),
    startWorker: async (fault, env) => {
      lifeboat.worker = await startWorker(fault, env);
      return lifeboat.worker;
    },
    mend: async () => await setFault(),
    async startBroken(fault, type, input) {
      const marker = join(directory, unique('fault'));
      if (breakable && lifeboat.worker.isAlive()) {
        await setFault({ ...fault, marker });
      } else {
        await lifeboat.worker.kill('SIGTERM');
        await lifeboat.startWorker({ ...fault, marker });
      }
      const handle = await lifeboat.start(type, input);
      const isThere = async () => {
        if (existsSync(marker)) return true;
        if ((await handle.describe()).status.name === 'RUNNING') return false;
        throw new Error(
          `The step ${fault.activity} was never reached: ${(await lifeboat.failureOf(handle)).message}`,
        );
      };
      await until(`the step ${fault.activity} of ${handle.workflowId}`, isThere, { withinMs: 600_000 });
      return { handle, goOn: async () => await writeFile(`${marker}.go`, '') };
    },
    async look() {
      const startUp = client.workflow.getHandle(`watchdog/${taskQueue}/start-up`);
      const first = (await startUp.result()) as WatchdogResult;
      return [first, await lifeboat.run<WatchdogResult>('watchdog')];
    },
    async remains(services) {
      const containers = await engine.listContainers({
        all: true,
        filters: JSON.stringify({ label: ['lifeboat.role'] }),
      });
      const volumes = await listVolumes(engine, {});
      const records = await listInterruptions(engine);
      const ours = (labels: Record<string, string>) =>
        labels['lifeboat.role'] !== undefined && services.includes(labels['lifeboat.service'] ?? '');
      return [
        ...containers.filter(({ Labels }) => ours(Labels)).map(({ Names }) => `container ${Names[0]}`),
        ...volumes.filter(({ labels }) => ours(labels)).map(({ name }) => `volume ${name}`),
        ...records
          .filter(({ service }) => services.includes(service))
          .map(({ volume }) => `record ${volume}`),
      ];
    },
    async nothingRemains(services, withinMs = 300_000) {
      let left: string[] = [];
      const isGone = async () => {
        left = await lifeboat.remains(services);
        return left.length === 0;
      };
      await until(() => `an engine without ${left.join(', ')}`, isGone, { everyMs: 200, withinMs });
    },
    async close() {
      await lifeboat.worker.kill('SIGTERM');
      await connection.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return lifeboat;
}

/** The innermost failure that names its type, as a client sees it. */
function causeOfFailure(error: unknown): Cause {
  let cause: Cause = { type: 'Unknown', message: String(error) };
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { type, name, message } = at as Error & { type?: string };
    if (name === 'CancelledFailure') return { type: 'Cancelled', message };
    if (name === 'TerminatedFailure') return { type: 'Terminated', message };
    if (type) return { type: type as Cause['type'], message };
    cause = { type: 'Unknown', message };
  }
  return cause;
}

/** What starts a program so that it finds nothing where the engine keeps its volumes; nothing where they are not to be read anyway. */
async function withoutVolumes(engine: Engine): Promise<string[]> {
  const { DockerRootDir } = (await engine.info()) as { DockerRootDir: string };
  const volumes = join(DockerRootDir, 'volumes');
  const seen = await access(volumes, constants.R_OK).then(
    () => true,
    () => false,
  );
  return seen ? ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"', volumes] : [];
}

async function spawnWorker(
  program: string,
  env: NodeJS.ProcessEnv,
  around: string[],
): Promise<WorkerProcess> {
  const [first = '', ...rest] = [
    ...around,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    program,
  ];
  const child = spawn(first, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-100_000);
      if (output.includes('worker ready')) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', (code) => reject(new Error(`The worker ended with ${code}: ${output}`)));
  });
  await ready;
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    process: child,
    isAlive,
    output: () => output,
    async kill(signal) {
      if (!isAlive()) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
