import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import neo4j, { type Config, type Driver } from 'neo4j-driver';
import { freePort } from './ports.ts';
import { untilReady } from './process.ts';

/** A Neo4j server in a container, for a test or a demonstration. */
export interface Neo4jServer {
  containerName: string;
  containerId: string;
  boltUrl: string;
  httpUrl: string;
  username: string;
  password: string;
  /** Names of the volumes at /data and /logs. */
  volumes: { data: string; logs: string };
  /** A new driver; who asks for it closes it. */
  driver(): Driver;
  /** Wait until bolt answers a query, at most `seconds` (default 180); for after a start or a restore. */
  untilServing(seconds?: number): Promise<void>;
  /** Remove the container and its volumes, in whatever state they are. */
  remove(): Promise<void>;
}

export interface Neo4jServerOptions {
  docker: Docker;
  /** Name of the image, as the testbed tells it. */
  image: string;
  /** Id of the testbed; it becomes the label by which `scripts/testbed down` finds the container. */
  testbed: string;
  /** Default: a new name, `lifeboat-test-…`. */
  name?: string;
  labels?: Record<string, string>;
  /** Default: a new one. */
  password?: string;
  /** Whether it also listens on HTTP; a fifth of its start is spent on that. Default false. */
  http?: boolean;
  /** Maximum heap. Default `256m`. */
  heap?: string;
  /** Its default database, made at its first start. Default `neo4j`. */
  database?: string;
  /** Further environment; `NEO4J_…` becomes configuration. */
  environment?: Record<string, string>;
  /** Further mounts, in Docker's `source:target` form. */
  binds?: readonly string[];
  /** What is mounted at /data: a volume's name or a directory. Default: a new volume. */
  data?: string;
  /** Where bolt listens. Default: a free port. */
  boltPort?: number;
  /** Docker's restart policy. Default: none. */
  restart?: 'unless-stopped';
}

/** The label of every container and volume of a testbed; its value is the testbed's id. */
export const TESTBED_LABEL = 'lifeboat.testbed';

/**
 * Start a Neo4j server on the host's network, on free ports of 127.0.0.1 and with a volume of its own for /data and
 * for /logs, and wait until it answers. Small and quick to stop, so not for measurements.
 */
export async function startNeo4j(options: Neo4jServerOptions): Promise<Neo4jServer> {
  const { docker, image, testbed } = options;
  const name = options.name ?? `lifeboat-test-${randomBytes(4).toString('hex')}`;
  const password = options.password ?? randomBytes(12).toString('hex');
  const boltPort = options.boltPort ?? (await freePort());
  const httpPort = await freePort();
  const labels = { ...options.labels, [TESTBED_LABEL]: testbed };
  const volumes = { data: options.data ?? `${name}-data`, logs: `${name}-logs` };
  for (const volume of Object.values(volumes)) {
    if (!volume.startsWith('/')) await docker.createVolume({ Name: volume, Labels: labels });
  }
  const environment = {
    NEO4J_AUTH: `neo4j/${password}`,
    ...settings(boltPort, httpPort, options.heap ?? '256m'),
    ...(options.database ? { NEO4J_initial_dbms_default__database: options.database } : {}),
    NEO4J_server_http_enabled: `${options.http ?? false}`,
    ...options.environment,
  };
  const container = await docker.createContainer({
    name,
    Image: image,
    Labels: labels,
    Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    HostConfig: {
      NetworkMode: 'host',
      RestartPolicy: { Name: options.restart ?? 'no' },
      Binds: [`${volumes.data}:/data`, `${volumes.logs}:/logs`, ...(options.binds ?? [])],
    },
  });
  const { database = 'neo4j' } = options;
  const boltUrl = `bolt://127.0.0.1:${boltPort}`;
  const connect = (config?: Config) => neo4j.driver(boltUrl, neo4j.auth.basic('neo4j', password), config);
  const server: Neo4jServer = {
    containerName: name,
    containerId: container.id,
    boltUrl,
    httpUrl: `http://127.0.0.1:${httpPort}`,
    username: 'neo4j',
    password,
    volumes,
    driver: () => connect(),
    untilServing: (seconds = 180) => untilServing(name, connect, database, seconds),
    remove: () => removeServer(docker, name, Object.values(volumes)),
  };
  try {
    await container.start();
    await untilServing(name, connect, database, 180, () => lastWords(container));
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

/** Takes half of the start's time: a test's server does not live long enough for the optimizing compiler, for threads that collect, nor for doubts about jars. */
export const QUICK_START =
  '-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote';

/** Settings as the image takes them: `_` for a dot and `__` for an underscore. */
function settings(boltPort: number, httpPort: number, heap: string): Record<string, string> {
  return {
    NEO4J_server_default__listen__address: '127.0.0.1',
    NEO4J_server_bolt_listen__address: `127.0.0.1:${boltPort}`,
    NEO4J_server_bolt_advertised__address: `127.0.0.1:${boltPort}`,
    NEO4J_server_http_listen__address: `127.0.0.1:${httpPort}`,
    NEO4J_server_jvm_additional: QUICK_START,
    NEO4J_server_memory_heap_initial__size: heap,
    NEO4J_server_memory_heap_max__size: heap,
    NEO4J_server_memory_pagecache_size: '64m',
    // Two preallocated logs of 256 MiB would be most of every dump.
    NEO4J_db_tx__log_preallocate: 'false',
    // An internal setting: without it each stop waits twice 5 s for connections to fall silent.
    NEO4J_internal_dbms_bolt_netty__server__shutdown__quiet__period: '0',
    NEO4J_dbms_usage__report_enabled: 'false',
  };
}

/** What a container wrote at last, when it does not run any more. */
async function lastWords(container: Docker.Container): Promise<string | undefined> {
  const { State } = await container.inspect();
  if (State.Running) return undefined;
  const log = await container.logs({ stdout: true, stderr: true, tail: 20 });
  return textOf(log);
}

/** The engine puts a header of eight bytes before each piece: the stream's number and the piece's length. */
function textOf(log: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= log.length; at += 8 + log.readUInt32BE(at + 4)) {
    text += log.toString('utf8', at + 8, at + 8 + log.readUInt32BE(at + 4));
  }
  return text;
}

async function untilServing(
  name: string,
  connect: (config: Config) => Driver,
  database: string,
  seconds: number,
  ended?: () => Promise<string | undefined>,
): Promise<void> {
  // It would ask again after 1, 2, 4, 8 and 16 s, and notice a server that is ready so much later.
  const driver = connect({ maxTransactionRetryTime: 0 });
  try {
    const ready = async () => {
      await driver.executeQuery('RETURN 1', {}, { database });
      return true;
    };
    await untilReady(`Neo4j in the container ${name}`, seconds, ready, ended);
  } finally {
    await driver.close();
  }
}

async function removeServer(docker: Docker, name: string, volumes: readonly string[]): Promise<void> {
  await docker.getContainer(name).remove({ force: true, v: true }).catch(unlessMissing);
  for (const volume of volumes) {
    if (!volume.startsWith('/')) await docker.getVolume(volume).remove({ force: true }).catch(unlessMissing);
  }
}

function unlessMissing(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 404) throw error;
}
