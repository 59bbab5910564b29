import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/model/failures.ts';
import { takeDown } from '../test/testbed/down.ts';
import { loadGraph } from '../test/testbed/graph.ts';
import type { Neo4jServer } from '../test/testbed/neo4j.ts';
import { freePort } from '../test/testbed/ports.ts';
import { stateFile } from '../test/testbed/state.ts';
import { temporalProgram } from '../test/testbed/temporal.ts';
import { type Testbed, useTestbed } from '../test/testbed/testbed.ts';
import { bringUp } from '../test/testbed/up.ts';
import { type Collections, startCollections } from '../test/workflows/collections.ts';
import { unique } from '../test/workflows/lifeboat.ts';
import { firstHour } from './first-hour-steps/page.ts';
import { Transcript } from './first-hour-steps/transcript.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

const USAGE = `Usage: scripts/first-hour [--out FILE]
Goes through a first hour with the lifeboat command on real servers, and writes its transcript.

  --out FILE  where to (default: docs/first-hour.md)
  --help      show this`;

/** What this run started, to be removed at its end. */
const started: { server?: Neo4jServer; collections?: Collections; folder?: string } = {};

async function writePage(testbed: Testbed, out: string): Promise<void> {
  const folder = await mkdtemp(join(testbed.directory, 'first-hour-'));
  started.folder = folder;
  const server = await testbed.startNeo4j();
  started.server = server;
  const driver = server.driver();
  await loadGraph(driver, 500);
  await driver.close();
  const collections = await startCollections();
  started.collections = collections;
  const notes = await collections.make('notes', { points: 100, aliases: ['current'] });
  const stage = { folder, server, collections, port: await freePort(), taskQueue: unique('home') };
  const page = new Transcript({
    folder,
    env: environment(testbed, stage.port, server.password, collections.apiKey),
    names: [
      [folder, '/home/me/lifeboat'],
      [server.containerName, 'neo4j'],
      [server.boltUrl, 'bolt://127.0.0.1:7687'],
      [collections.url, 'http://127.0.0.1:6333'],
      [notes, 'notes'],
      [stage.taskQueue, 'home'],
      [`127.0.0.1:${stage.port}`, '127.0.0.1:7233'],
      [`--port ${stage.port}`, '--port 7233'],
    ],
  });
  await firstHour(page, stage);
  await writeFile(out, page.text());
}

function environment(
  testbed: Testbed,
  port: number,
  password: string,
  apiKey: string | undefined,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([key]) => !/^(LIFEBOAT|TEMPORAL)_/.test(key));
  return {
    ...Object.fromEntries(inherited),
    PATH: `${join(project, 'bin')}${delimiter}${process.env.PATH}`,
    LIFEBOAT_TEMPORAL_BIN: process.env.LIFEBOAT_TEMPORAL_BIN,
    DOCKER_HOST: testbed.docker.host,
    TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    TEMPORAL_CONFIG_FILE: join(testbed.directory, 'no-temporal.toml'),
    NEO4J_PASSWORD: password,
    // The page has a key, and a server without one takes any.
    QDRANT_API_KEY: apiKey ?? 'any',
    NO_COLOR: '1',
  };
}

async function main(out: string): Promise<void> {
  const given = process.env.LIFEBOAT_TESTBED;
  const own = given ? undefined : await bringUp({ parts: ['docker', 'neo4j'], owner: process.pid });
  try {
    if (own) process.env.LIFEBOAT_TESTBED = stateFile(own.id);
    process.env.LIFEBOAT_TEMPORAL_BIN ??= await temporalProgram();
    await writePage(useTestbed(), out);
  } finally {
    await started.server?.remove();
    await started.collections?.close();
    if (started.folder) await rm(started.folder, { recursive: true, force: true });
    if (own) await takeDown(own);
  }
}

const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
if (values.help) process.stdout.write(`${USAGE}\n`);
else {
  const code = await main(values.out ?? join(project, 'docs/first-hour.md')).then(
    () => 0,
    (error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      return 1;
    },
  );
  // Connections that nobody needs any more may still be open.
  process.exit(code);
}
