import type { Neo4jService } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import type { Container } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { type BoltAccess, boltAnswers, databasesAnswer } from './bolt.ts';

/** How it was found out whether a database is up, best first. */
export type ServingEvidence = 'bolt' | 'health check' | 'published port' | 'log';

/**
 * Whether a Neo4j container serves its clients, asked of the first of these that exists: the configured Bolt address
 * (with a query, where credentials are configured), the container's own health check, its published or host port,
 * and its log since it was started. A port that does not answer proves nothing: then the log is asked as well.
 */
export async function isServing(
  engine: Engine,
  service: Neo4jService,
  container: Container,
): Promise<{ serving: boolean; evidence: ServingEvidence }> {
  const down = !container.running || container.paused;
  if (service.bolt) {
    if (down || !(await boltAnswers(service.bolt))) return { serving: false, evidence: 'bolt' };
    if (!service.username || !service.password) return { serving: true, evidence: 'bolt' };
    const access = { address: service.bolt, username: service.username, password: service.password };
    return { serving: await answersOrRefuses(access, namedDatabases(service)), evidence: 'bolt' };
  }
  if (container.health !== 'none') {
    return { serving: !down && container.health === 'healthy', evidence: 'health check' };
  }
  const published = publishedBolt(container);
  if (!published) return { serving: !down && (await logSaysStarted(engine, container)), evidence: 'log' };
  if (down) return { serving: false, evidence: 'published port' };
  if (await boltAnswers(published)) return { serving: true, evidence: 'published port' };
  // A worker in a container, or of an engine on another machine, may never reach a port of the engine's host.
  const started = await logSaysStarted(engine, container).catch(() => false);
  return { serving: started, evidence: started ? 'log' : 'published port' };
}

/** The databases that the configuration names as such, and not by a pattern: each of them has to answer. */
export const namedDatabases = ({ databases = [] }: Neo4jService): string[] =>
  databases.filter((name) => !/[*?]/.test(name));

/**
 * Refuse a database that runs and that its configured Bolt address does not reach: once it was stopped, nobody would see it come back.
 * @throws {LifeboatError} `DatabaseUnreachable`.
 */
export async function requireReachable(service: Neo4jService, container: Container): Promise<void> {
  if (!service.bolt || !container.running || container.paused) return;
  if (await boltAnswers(service.bolt)) return;
  throw new LifeboatError(
    'DatabaseUnreachable',
    `The container "${container.name}" of service "${service.name}" runs, and does not answer at its "bolt", ${service.bolt}: nothing was stopped. Correct "bolt" to an address at which the worker reaches it, or leave it out, so that its health check, published port or log is asked; if the address is right, look at "docker logs ${container.name}".`,
  );
}

/** The address at which the engine's host reaches Bolt, from the container's configuration. */
export function publishedBolt(container: Container): string | undefined {
  const listens =
    container.env.NEO4J_server_bolt_listen__address ??
    container.env.NEO4J_dbms_connector_bolt_listen__address ??
    ':7687';
  const port = listens.split(':').pop() ?? '7687';
  if (container.networkMode === 'host') {
    const host = listens.includes(':') ? listens.slice(0, listens.lastIndexOf(':')) : '';
    return `bolt://${host === '' || host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
  }
  const address = container.ports[`${port}/tcp`]?.[0];
  return address ? `bolt://${address}` : undefined;
}

/** A start that takes longer is not recognized by the log (seconds); what comes after it may be the log of months. */
const START_WITHIN = 3600;

async function logSaysStarted(engine: Engine, container: Container): Promise<boolean> {
  const since = Math.floor(container.startedAt.getTime() / 1000);
  const raw = await engine.getContainer(container.id).logs({
    stdout: true,
    stderr: true,
    follow: false,
    since,
    until: since + START_WITHIN,
  });
  return /\bStarted\./.test(raw.toString('latin1'));
}

/** A server that refuses a login is up: wrong credentials are no reason to wait for it, or to start it again. */
async function answersOrRefuses(access: BoltAccess, databases: string[]): Promise<boolean> {
  try {
    return await databasesAnswer(access, databases);
  } catch (error) {
    if (error instanceof LifeboatError && error.type === 'CredentialsRefused') return true;
    throw error;
  }
}
