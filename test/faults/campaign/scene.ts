import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import bolt, { type Driver } from 'neo4j-driver';
import { connectEngine, type Engine } from '../../../src/adapters/docker/engine.ts';
import { DirectoryRepository } from '../../../src/adapters/repository/directory.ts';
import type { Repository } from '../../../src/adapters/repository/repository.ts';
import { S3Repository } from '../../../src/adapters/repository/s3.ts';
import { Secret } from '../../../src/config/secret.ts';
import type { CaptureMode } from '../../../src/model/capture-mode.ts';
import { openConnection } from '../../../src/temporal/connection.ts';
import { runCommand } from '../../testbed/command.ts';
import { takeDown } from '../../testbed/down.ts';
import { type DockerEngine, installEngine, startPrivateEngine } from '../../testbed/engine.ts';
import { type GraphCounts, loadGraph } from '../../testbed/graph.ts';
import { type Neo4jServer, startNeo4j } from '../../testbed/neo4j.ts';
import { ensureNeo4jImage } from '../../testbed/neo4j-image.ts';
import { TESTBED_VARIABLE } from '../../testbed/process.ts';
import { progressOf } from '../../testbed/progress.ts';
import { type TestbedState, writeState } from '../../testbed/state.ts';
import { bringUp } from '../../testbed/up.ts';
import { neo4jSection } from '../../workflows/lifeboat.ts';
import { GRAPH, LOCAL, OFFSITE, VECTORS } from './operations.ts';
import { type Ask, asking, graphRecords, pointRecords } from './records.ts';
import {
  type RestartableQdrant,
  type RestartableS3,
  type RestartableTemporal,
  restartableQdrant,
  restartableS3,
  restartableTemporal,
} from './servers.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import { startNetwork, type UnsteadyNetwork } from './unsteady-network.ts';
import { WorkerKeeper } from './worker-keeper.ts';
import { WritingClient } from './writing-client.ts';

export const COLLECTION = 'notes';
export const TASK_QUEUE = 'campaign';

/** How often the watchdog looks; a service that nobody owns is started within this and one start of a worker. */
const WATCHDOG_EVERY = '10s';
/** Room for some twenty sets of this size, and not for many more. */
const DISK_MEGABYTES = 256;
const PROGRAM = join(import.meta.dirname, '../../../src/cli.ts');

/** Everything that a campaign breaks, all of it its own: an engine, Neo4j, Qdrant, two repositories, Temporal and a worker. */
export interface Scene {
  directory: string;
  /** The workers' scratch directory: nothing stays in it. */
  scratch: string;
  /** Where the workers write down uploads that are under way: nothing stays in it either. */
  uploads: string;
  docker: DockerEngine;
  engine: Engine;
  neo4j: Neo4jServer;
  driver: Driver;
  /** What the graph holds beside the records of its writing client. */
  graph: GraphCounts;
  temporal: RestartableTemporal;
  client: Client;
  s3: RestartableS3;
  qdrant: RestartableQdrant;
  askQdrant: Ask;
  networks: { s3: UnsteadyNetwork; qdrant: UnsteadyNetwork };
  disk: SmallDisk;
  /** Seen from here, past the unsteady network. */
  repositories: Repository[];
  writers: { [GRAPH]: WritingClient; [VECTORS]: WritingClient };
  worker: WorkerKeeper;
  /** How backups take the bytes of Neo4j from now on; as an operator changes it: in the file, which the worker follows. */
  useMode(mode: CaptureMode): Promise<void>;
  /** As an operator does it. */
  applySchedules(): Promise<void>;
  close(): Promise<void>;
}

/** Why no scene can be set on this machine; undefined where one can. */
export const notHere = (): string | undefined =>
  process.platform === 'linux' && process.getuid?.() === 0
    ? undefined
    : 'The campaign breaks a Docker engine and a disk of its own; to have them takes root on Linux.';

/**
 * Bring everything up; nothing of it is shared with other testbeds, the cached programs and the image apart.
 * @param bundle the workflows, bundled.
 */
export async function setScene(bundle: string): Promise<Scene> {
  const reason = notHere();
  if (reason) throw new Error(reason);
  const state = await bringUp({ parts: [], owner: process.pid });
  try {
    return await furnish(state, bundle);
  } catch (error) {
    await takeDown(state);
    throw error;
  }
}

async function furnish(state: TestbedState, bundle: string): Promise<Scene> {
  const { directory } = state;
  const [scratch, config] = [join(directory, 'scratch'), join(directory, 'lifeboat.yaml')];
  const uploads = join(directory, 'uploads');
  await mkdir(scratch);
  // Of several scenes in this process, each ends what is its own.
  const marked = { ...process.env, [TESTBED_VARIABLE]: state.id };
  const place = { directory, environment: marked };
  const [{ docker, neo4j }, temporal, s3, qdrant, disk] = await Promise.all([
    ownEngine(state),
    restartableTemporal(place),
    restartableS3(place),
    restartableQdrant({ ...place, directory: join(directory, 'qdrant') }, 'campaign-key'),
    mountSmallDisk(join(directory, 'disk'), DISK_MEGABYTES),
  ]);
  const networks = { s3: await startNetwork(s3.state.endpoint), qdrant: await startNetwork(qdrant.url) };
  const folder = join(disk.path, 'repository');
  await mkdir(folder);
  const store = { bucket: s3.state.bucket, prefix: 'campaign', region: s3.state.region };
  const keys = { accessKeyId: s3.state.accessKeyId, secretAccessKey: s3.state.secretAccessKey };
  const textIn = (mode: CaptureMode) => ({
    services: {
      [GRAPH]: neo4jSection(neo4j, { startTimeout: '3m', mode }),
      [VECTORS]: { kind: 'qdrant', url: networks.qdrant.url, apiKey: qdrant.apiKey },
    },
    repositories: {
      [LOCAL]: { kind: 'directory', path: folder },
      [OFFSITE]: {
        kind: 's3',
        ...store,
        ...keys,
        endpoint: networks.s3.url,
        pathStyle: true,
        partSize: '5MiB',
      },
    },
    retention: { keepLast: 3 },
    schedules: { watchdog: { every: WATCHDOG_EVERY } },
    telemetry: { enabled: false },
    temporal: { address: temporal.address, namespace: 'default', taskQueue: TASK_QUEUE },
  });
  let mode: CaptureMode = 'dump';
  // JSON is YAML.
  const writeConfig = () => writeFile(config, JSON.stringify(textIn(mode)));
  await writeConfig();
  const environment = {
    ...marked,
    DOCKER_HOST: docker.host,
    LIFEBOAT_CONFIG: config,
    LIFEBOAT_WORKFLOW_BUNDLE: bundle,
    TMPDIR: scratch,
    LIFEBOAT_UPLOADS: uploads,
  };
  const worker = new WorkerKeeper(environment, join(directory, 'worker.log'));
  const connection = await openConnection({ address: temporal.address });
  // A write that fails is told at once, and sent anew by the client.
  const driver = bolt.driver(neo4j.boltUrl, bolt.auth.basic(neo4j.username, neo4j.password), {
    maxTransactionRetryTime: 1000,
    connectionTimeout: 3000,
    connectionAcquisitionTimeout: 5000,
  });
  const askQdrant = asking(qdrant.url, qdrant.apiKey);
  const s3Repository = new S3Repository({
    ...{ kind: 's3', name: OFFSITE, ...store, endpoint: s3.state.endpoint, pathStyle: true },
    accessKeyId: new Secret(keys.accessKeyId),
    secretAccessKey: new Secret(keys.secretAccessKey),
    ...{ partBytes: 5 * 1024 * 1024, concurrency: 4 },
  });
  const graph = await loadGraph(driver, 300);
  await askQdrant('PUT', `/collections/${COLLECTION}`, { vectors: { size: 4, distance: 'Cosine' } });
  await worker.start();
  const scene: Scene = {
    ...{
      directory,
      scratch,
      uploads,
      docker,
      neo4j,
      driver,
      graph,
      temporal,
      s3,
      qdrant,
      askQdrant,
      networks,
      disk,
      worker,
    },
    engine: connectEngine({ socketPath: docker.host.slice('unix://'.length) }),
    client: new Client({ connection }),
    repositories: [new DirectoryRepository({ kind: 'directory', name: LOCAL, path: folder }), s3Repository],
    writers: {
      [GRAPH]: new WritingClient(graphRecords(driver)),
      [VECTORS]: new WritingClient(pointRecords(askQdrant, COLLECTION)),
    },
    async useMode(wanted) {
      if (wanted === mode) return;
      mode = wanted;
      await worker.untilSays('was read anew', writeConfig);
    },
    async applySchedules() {
      await runCommand(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', PROGRAM, 'schedules', 'apply'],
        {
          environment,
        },
      );
    },
    async close() {
      await Promise.all([scene.writers[GRAPH].pause(), scene.writers[VECTORS].pause()]);
      await worker.close();
      await Promise.all([driver.close(), connection.close(), s3Repository.close()]);
      await Promise.all([networks.s3.close(), networks.qdrant.close()]);
      await takeDown(state);
    },
  };
  await scene.applySchedules();
  return scene;
}

/** An engine that nobody else uses, because it is going to be killed, with a Neo4j that it starts again by itself. */
async function ownEngine(state: TestbedState): Promise<{ docker: DockerEngine; neo4j: Neo4jServer }> {
  const home = join(state.directory, 'engine');
  await mkdir(home);
  await installEngine(progressOf('docker'));
  const docker = await startPrivateEngine({ directory: home });
  const { host, directory = '' } = docker;
  state.docker = { host, socketPath: host.slice('unix://'.length), private: true, directory };
  await writeState(state);
  const image = await ensureNeo4jImage(docker.docker, state.id);
  const neo4j = await startNeo4j({
    docker: docker.docker,
    image,
    testbed: state.id,
    restart: 'unless-stopped',
  });
  return { docker, neo4j };
}
