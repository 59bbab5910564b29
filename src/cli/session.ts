import type { Client, Connection } from '@temporalio/client';
import { connectEngine } from '../adapters/docker/engine.ts';
import { labelledContainers } from '../adapters/docker/labelled-containers.ts';
import { openRepository } from '../adapters/repository/open.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import type { Config, RepositoryConfig, Service } from '../config/config.ts';
import { withLabelledServices } from '../config/labels.ts';
import { loadConfig } from '../config/load.ts';
import { temporalConnection } from '../config/temporal.ts';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { openConnection } from '../temporal/connection.ts';
import { codecOf, openClient } from '../temporal/data-converter.ts';

/** How long the Temporal server gets to answer at first (milliseconds). */
const CONNECT_TIMEOUT = 3_000;
/** How long the Docker engine gets to list containers (milliseconds); without its answer a command goes on. */
const ENGINE_TIMEOUT = 3_000;

/** The Temporal server, with what is needed to start a run there. */
export interface Connected {
  client: Client;
  connection: Connection;
  namespace: string;
  taskQueue: string;
  address: string;
}

/** What a command works with, each made when it is first asked for and closed at the end. */
export interface Session {
  config(): Promise<Config>;
  /** The services of the file and those that containers declare by labels; with `problem` those of the file alone. */
  services(): Promise<{ services: Service[]; problem?: string }>;
  /** @throws {LifeboatError} `HostUnreachable` when the server does not answer. */
  temporal(): Promise<Connected>;
  /** Those that were named, or else the primary. */
  repositories(named?: string | 'all'): Promise<Repository[]>;
  close(): Promise<void>;
}

/** @param file the configuration that was named on the command line. */
export function openSession(file: string | undefined): Session {
  let config: Promise<Config> | undefined;
  let temporal: Promise<Connected> | undefined;
  const opened = new Map<string, Repository>();

  const session: Session = {
    config: () => {
      config ??= loadConfig({ file });
      return config;
    },
    services: async () => await servicesOf(await session.config()),
    temporal: async () => {
      temporal ??= connect(await session.config());
      return await temporal;
    },
    async repositories(named) {
      const { repositories } = await session.config();
      return chosen(repositories, named).map((one) => {
        const repository = opened.get(one.name) ?? openRepository(one);
        opened.set(one.name, repository);
        return repository;
      });
    },
    async close() {
      for (const repository of opened.values()) await repository.close();
      const connected = await temporal?.catch(() => undefined);
      await connected?.connection.close();
    },
  };
  return session;
}

async function servicesOf(config: Config): Promise<{ services: Service[]; problem?: string }> {
  try {
    const containers = await labelledContainers(connectEngine(), AbortSignal.timeout(ENGINE_TIMEOUT));
    return { services: withLabelledServices(config, containers, process.env).services };
  } catch (error) {
    return { services: config.services, problem: messageOf(error) };
  }
}

function chosen(repositories: RepositoryConfig[], named: string | undefined): RepositoryConfig[] {
  if (named === 'all') return repositories;
  if (named === undefined) return repositories.slice(0, 1);
  const found = repositories.find(({ name }) => name === named);
  if (found) return [found];
  const names = repositories.map(({ name }) => name).join(', ');
  throw new LifeboatError(
    'InvalidInput',
    `There is no repository "${named}" in the configuration; it has: ${names}.`,
  );
}

/** Connect to the Temporal server of a configuration. */
export async function connect(config: Config): Promise<Connected> {
  const { connectionOptions, namespace, taskQueue } = temporalConnection(config);
  const { address } = config.temporal;
  try {
    const connection = await openConnection({ ...connectionOptions, connectTimeout: CONNECT_TIMEOUT });
    const client = openClient(connection, namespace, codecOf(config));
    return { client, connection, namespace, taskQueue, address };
  } catch (cause) {
    throw new LifeboatError(
      'HostUnreachable',
      `The Temporal server at ${address} does not answer: ${messageOf(cause)}. Start it (\`lifeboat up\` brings its own), or set temporal.address or TEMPORAL_ADDRESS.`,
      { cause },
    );
  }
}
