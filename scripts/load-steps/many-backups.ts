import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { type Collections, startCollections } from '../../test/workflows/collections.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../../test/workflows/lifeboat.ts';
import { figuresOf, type ProcessFigures, watched } from './process-watch.ts';

/** What many backups at once came to. */
export interface BackupFigures {
  asked: number;
  /** So many of them are for a Neo4j that others are for as well. */
  neo4j: number;
  succeeded: number;
  busy: number;
  /** Anything else: a sentence each. */
  problems: string[];
  seconds: number;
  before: ProcessFigures;
  most: ProcessFigures;
  /** When all was over. */
  after: ProcessFigures;
}

/** Stand-ins that are started at the same time. */
const STARTED_AT_ONCE = 4;
const NEO4J_SERVERS = 2;
/** Backups that are asked for of each Neo4j. */
const ASKED_OF_ONE = 5;
const POINTS = 30;

/** How long the end of everything that was begun is waited for (milliseconds). */
const QUIET_MS = 120_000;

/** Ask one worker for many backups at the same moment: each of a service of its own, and some of a Neo4j that is asked for again. */
export async function manyBackups(asked: number): Promise<BackupFigures> {
  const testbed = useTestbed();
  const ofNeo4j = Math.min(NEO4J_SERVERS * ASKED_OF_ONE, Math.floor(asked / 5));
  const servers: Collections[] = [];
  const graphs: Neo4jServer[] = [];
  const services: Record<string, object> = {};
  /** The collection of each Qdrant service. */
  const collections: { server: Collections; name: string }[] = [];
  let lifeboat: Lifeboat | undefined;
  try {
    const wanted: string[] = [];
    const limit = pLimit(STARTED_AT_ONCE);
    await Promise.all(
      Array.from({ length: asked - ofNeo4j }, (_, at) =>
        limit(async () => {
          // A server is protected once, so each service has one of its own.
          const server = await startCollections({ own: true });
          servers.push(server);
          const name = await server.make('notes', { points: POINTS });
          collections.push({ server, name });
          const service = unique(`vectors${at}`);
          services[service] = server.section();
          wanted.push(service);
        }),
      ),
    );
    if (ofNeo4j > 0) {
      for (let at = 0; at < NEO4J_SERVERS; at += 1) graphs.push(await testbed.startNeo4j());
      const names = graphs.map((graph, at) => {
        const service = unique(`graph${at}`);
        services[service] = neo4jSection(graph);
        return service;
      });
      for (let at = 0; at < ofNeo4j; at += 1) wanted.push(names[at % names.length] as string);
    }
    lifeboat = await startLifeboat({ services });
    const begun = { lifeboat, wanted, collections, graphs, services: Object.keys(services) };
    return { asked, neo4j: ofNeo4j, ...(await play(begun)) };
  } finally {
    await lifeboat?.close();
    for (const graph of graphs) await graph.remove();
    await Promise.all(servers.map(async (server) => await server.close()));
  }
}

interface Begun {
  lifeboat: Lifeboat;
  /** The service of each backup. */
  wanted: string[];
  collections: { server: Collections; name: string }[];
  graphs: Neo4jServer[];
  services: string[];
}

async function play(begun: Begun): Promise<Omit<BackupFigures, 'asked' | 'neo4j'>> {
  const { lifeboat, wanted } = begun;
  const { pid } = lifeboat.worker;
  const before = await figuresOf(pid);
  const { result, seconds, most } = await watched(pid, async () => {
    const handles = await Promise.all(
      wanted.map(async (service) => await lifeboat.start('backup', { services: [service] })),
    );
    return await Promise.all(
      handles.map(async (handle, at) => {
        try {
          return ((await handle.result()) as BackupResult).set;
        } catch {
          const { type, message } = await lifeboat.failureOf(handle);
          return { type, message: `The backup of ${wanted[at]} failed (${type}): ${message}` };
        }
      }),
    );
  });
  const sets = result.filter((one) => typeof one === 'string');
  const failures = result.filter((one) => typeof one !== 'string');
  const problems = failures.filter(({ type }) => type !== 'ServiceBusy').map(({ message }) => message);
  problems.push(...(await wrongAfterwards(begun, sets)));
  return {
    succeeded: sets.length,
    busy: failures.filter(({ type }) => type === 'ServiceBusy').length,
    problems,
    seconds,
    before,
    most,
    after: await figuresOf(pid),
  };
}

/** Every set reads back whole, every service runs with its data, and nothing is left over. */
async function wrongAfterwards(
  { lifeboat, collections, graphs, services }: Begun,
  sets: string[],
): Promise<string[]> {
  const problems: string[] = [];
  const listed = (await lifeboat.sets()).map(({ set }) => set).sort();
  if (listed.join() !== sets.toSorted().join())
    problems.push(`The catalog has ${listed.length} sets, and ${sets.length} backups succeeded.`);
  for (const set of sets) {
    await lifeboat
      .run('verify', { set })
      .catch((error: Error) => problems.push(`Set ${set} does not verify: ${error.message}`));
  }
  for (const graph of graphs) {
    await graph
      .untilServing()
      .catch((error: Error) => problems.push(`${graph.containerName} does not answer: ${error.message}`));
  }
  for (const { server, name } of collections) {
    const points = await server.count(name);
    if (points !== POINTS) problems.push(`The collection ${name} has ${points} points instead of ${POINTS}.`);
  }
  const until = Date.now() + QUIET_MS;
  for (;;) {
    const left = await lifeboat.remains(services);
    for (const { server, name } of collections) {
      left.push(...(await server.snapshots(name)).map((snapshot) => `snapshot ${snapshot} of ${name}`));
    }
    if (left.length === 0) return problems;
    if (Date.now() > until) return [...problems, ...left.map((one) => `Left over: ${one}`)];
    await sleep(500);
  }
}
