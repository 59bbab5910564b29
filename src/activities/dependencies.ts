import type { Client } from '@temporalio/client';
import type { Engine } from '../adapters/docker/engine.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import type { UploadNotes } from '../adapters/repository/upload-notes.ts';
import type { Config, Neo4jService, QdrantService, Service } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What activities work with; made once by the worker. */
export interface Dependencies {
  /** The last good configuration: asked anew by each activity, so that a reload takes effect. */
  config: () => Config;
  engine: Engine;
  /** The worker's own client, for what only Temporal knows: whether a run is still open. */
  client: Client;
  /** Opened once for each configured repository. */
  repository: (name: string) => Repository;
  /** What is written down of uploads under way; absent where there is no place for it: then an upload that was cut begins anew. */
  uploads?: UploadNotes;
  /** What the worker counts; absent where nobody asks. */
  metrics?: Metrics;
  /** The version of Lifeboat that goes into manifests. */
  version: string;
}

/** @throws {LifeboatError} `InvalidInput`, naming the services that there are. */
export function serviceNamed(config: Config, name: string): Service {
  const found = config.services.find((service) => service.name === name);
  if (found) return found;
  const names = config.services.map((service) => service.name).join(', ');
  throw new LifeboatError(
    'InvalidInput',
    `There is no service "${name}" in the configuration; it has: ${names || 'none'}.`,
  );
}

export function neo4jNamed(config: Config, name: string): Neo4jService {
  const service = serviceNamed(config, name);
  if (service.kind === 'neo4j') return service;
  throw new LifeboatError(
    'InvalidInput',
    `The service "${name}" is a ${service.kind}, and this needs a neo4j.`,
  );
}

export function qdrantNamed(config: Config, name: string): QdrantService {
  const service = serviceNamed(config, name);
  if (service.kind === 'qdrant') return service;
  throw new LifeboatError(
    'InvalidInput',
    `The service "${name}" is a ${service.kind}, and this needs a qdrant.`,
  );
}
