import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import neo4j, { type Driver } from 'neo4j-driver';
import type { Secret } from '../../config/secret.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import type { GraphFacts } from '../../model/manifest.ts';

/** Bolt's magic number and four offers of versions (5.x, 4.4, 4.3, 3): the server answers four bytes. */
const HANDSHAKE = Buffer.from('6060b017000808050004040400000304000000' + '03', 'hex');

/** Whether something at this address speaks Bolt: asked without credentials, by the protocol's handshake. */
export async function boltAnswers(address: string, timeoutMs = 2000): Promise<boolean> {
  const { protocol, hostname, port } = new URL(address.includes('://') ? address : `bolt://${address}`);
  const at = { host: hostname, port: Number(port || 7687) };
  const encrypted = /\+s(sc)?:$/.test(protocol);
  return await new Promise((resolve) => {
    // Nothing is said but the handshake, so whose certificate it is does not matter here.
    const socket = encrypted ? connectSecurely({ ...at, rejectUnauthorized: false }) : connect(at);
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => finish(false));
    socket.on(encrypted ? 'secureConnect' : 'connect', () => socket.write(HANDSHAKE));
    socket.on('data', (data) => finish(data.length >= 4));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
  });
}

/** How to reach a database by Bolt. */
export interface BoltAccess {
  address: string;
  /** Without them no login is made, which a sandbox allows. */
  username?: string;
  password?: Secret;
}

async function withDriver<T>(access: BoltAccess, call: (driver: Driver) => Promise<T>): Promise<T> {
  const { username, password } = access;
  const login = username && password ? neo4j.auth.basic(username, password.reveal()) : undefined;
  const driver = neo4j.driver(access.address, login, {
    disableLosslessIntegers: true,
    connectionTimeout: 5000,
    connectionAcquisitionTimeout: 10_000,
    maxTransactionRetryTime: 5000,
    telemetryDisabled: true,
  });
  try {
    return await call(driver);
  } catch (error) {
    throw boltError(error, access);
  } finally {
    await driver.close().catch(() => {});
  }
}

function boltError(error: unknown, { address, username }: BoltAccess): LifeboatError {
  if (error instanceof LifeboatError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (code.includes('Security')) {
    return new LifeboatError(
      'CredentialsRefused',
      `Neo4j at ${address} refused the configured username and password: correct them, or leave them out to back up without counts.`,
    );
  }
  // A sandbox, which takes no login, is reached through a tunnel that nobody configures.
  const advice = username ? ' If it is up, correct "bolt" to an address at which the worker reaches it.' : '';
  return new LifeboatError(
    'DatabaseUnreachable',
    `Neo4j at ${address} does not answer: ${messageOf(error).replace(/\.$/, '')}.${advice}`,
    { cause: error },
  );
}

/**
 * Whether every one of these databases answers a query; without any, the user's own. One that there is not, or that somebody has stopped, would never answer,
 * so it is not waited for.
 */
export async function databasesAnswer(access: BoltAccess, databases: string[]): Promise<boolean> {
  try {
    return await withDriver(access, async (driver) => {
      const asked = databases.filter((name) => name !== 'system');
      for (const config of databases.length > 0 ? asked.map((database) => ({ database })) : [{}]) {
        try {
          await driver.executeQuery('RETURN 1', {}, config);
        } catch (error) {
          if (!(await isNotWanted(driver, config))) throw error;
        }
      }
      return true;
    });
  } catch (error) {
    if (error instanceof LifeboatError && error.type === 'CredentialsRefused') throw error;
    return false;
  }
}

async function isNotWanted(driver: Driver, { database }: { database?: string }): Promise<boolean> {
  if (database === undefined) return (await wanted(driver, 'HOME DATABASE'))?.size === 0;
  return (await wanted(driver, 'DATABASES'))?.has(database) === false;
}

/** Databases that are there and meant to be up; undefined where the server does not tell. */
async function wanted(
  driver: Driver,
  which: 'DATABASES' | 'HOME DATABASE',
): Promise<Set<string> | undefined> {
  try {
    const { records } = await driver.executeQuery(
      `SHOW ${which} YIELD name, requestedStatus`,
      {},
      { database: 'system' },
    );
    return new Set(
      records
        .filter((record) => record.get('requestedStatus') === 'online')
        .map((record) => String(record.get('name'))),
    );
  } catch (error) {
    if (String((error as { code?: unknown } | null)?.code).includes('Security.Unauthorized')) throw error;
    return undefined;
  }
}

/**
 * Those of these databases that can be counted: not those that somebody has stopped, or that the server does not know (a folder that an
 * earlier default database has left), nor `system`.
 */
export async function countable(access: BoltAccess, databases: string[]): Promise<string[]> {
  const up = await withDriver(access, async (driver) => await wanted(driver, 'DATABASES'));
  return databases.filter((name) => name !== 'system' && (up?.has(name) ?? true));
}

/** Count and describe those of these databases that can be counted. */
export async function servedFacts(
  access: BoltAccess,
  databases: string[],
): Promise<Record<string, GraphFacts>> {
  const facts: Record<string, GraphFacts> = {};
  for (const database of databases) {
    if (database === 'system') continue;
    try {
      facts[database] = await graphFacts(access, database);
    } catch (error) {
      // Asked only now: of a server that has just started it takes longer than all counts.
      if ((await countable(access, [database])).length > 0) throw error;
    }
  }
  return facts;
}

/** Let a database of an Enterprise server write a checkpoint now: Community has no such procedure (5.26: `ProcedureNotFound`). */
export async function writeCheckpoint(access: BoltAccess, database: string): Promise<void> {
  await withDriver(access, async (driver) => {
    await driver.executeQuery('CALL db.checkpoint()', {}, { database });
  });
}

/** Count and describe one database: by label and type from the count store, so that it takes milliseconds at any size. */
export async function graphFacts(access: BoltAccess, database: string): Promise<GraphFacts> {
  return await withDriver(access, async (driver) => {
    const query = async <T extends Record<string, unknown>>(text: string): Promise<T[]> => {
      const { records } = await driver.executeQuery(text, {}, { database, routing: neo4j.routing.READ });
      return records.map((record) => record.toObject() as unknown as T);
    };
    const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;
    const number = async (text: string) => (await query<{ n: number }>(text))[0]?.n ?? 0;

    const labels: Record<string, number> = {};
    for (const { name } of await query<{ name: string }>(
      'CALL db.labels() YIELD label AS name RETURN name ORDER BY name',
    )) {
      labels[name] = await number(`MATCH (n:${quote(name)}) RETURN count(n) AS n`);
    }
    const relationshipTypes: Record<string, number> = {};
    for (const { name } of await query<{ name: string }>(
      'CALL db.relationshipTypes() YIELD relationshipType AS name RETURN name ORDER BY name',
    )) {
      relationshipTypes[name] = await number(`MATCH ()-[r:${quote(name)}]->() RETURN count(r) AS n`);
    }
    type Entry = { name: string; type: string; labelsOrTypes: string[] | null; properties: string[] | null };
    const describe = ({ name, type, labelsOrTypes, properties }: Entry) =>
      `${name}: ${type} ${(labelsOrTypes ?? []).join('|')}(${(properties ?? []).join(', ')})`;
    const indexes = await query<Entry>('SHOW INDEXES YIELD name, type, labelsOrTypes, properties');
    const constraints = await query<Entry>('SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties');
    return {
      nodes: await number('MATCH (n) RETURN count(n) AS n'),
      relationships: await number('MATCH ()-[r]->() RETURN count(r) AS n'),
      labels,
      relationshipTypes,
      indexes: indexes.map(describe).sort(),
      constraints: constraints.map(describe).sort(),
    };
  });
}
