import { join } from 'node:path';
import { connect } from '../../src/cli/session.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadGraph } from '../../test/testbed/graph.ts';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { stateFile, type TestbedState } from '../../test/testbed/state.ts';
import { type Testbed, useTestbed } from '../../test/testbed/testbed.ts';
import { REPOSITORIES, writeConfiguration } from './configuration.ts';
import type { Made } from './made.ts';
import type { Narration } from './narration.ts';
import { loadVectors, type VectorFacts } from './sample-vectors.ts';
import type { Stage } from './stage.ts';
import { startWorker } from './worker-process.ts';

/** Nodes of the sample graph. */
const NODES = 12_000;

/** Fill two databases on servers that are up, configure Lifeboat for them, and start its worker. */
export async function setUp(state: TestbedState, made: Made, narration: Narration): Promise<Stage> {
  process.env.LIFEBOAT_TESTBED = stateFile(state.id);
  const testbed = useTestbed();
  useOnlyItsTemporal(testbed);

  narration.heading('A sample: a graph in Neo4j and its vectors in Qdrant');
  const graph = await testbed.startNeo4j({ name: `lifeboat-quickstart-${testbed.id}` });
  const graphCounts = await fillGraph(graph);
  const vectors = await loadVectors(testbed.qdrant);
  tellSample(narration, testbed, graph, graphCounts, vectors);

  narration.heading('Lifeboat: a key pair, a configuration, a worker');
  const configuration = await writeConfiguration(testbed, graph, made);
  const connected = await connect(await loadConfig({ file: configuration.file }));
  const worker = await startWorker({
    directory: testbed.directory,
    configuration: configuration.file,
    dockerHost: testbed.docker.host,
    connected,
  });
  narration.fact('Configuration', configuration.file);
  narration.fact(
    'Sets can be read by',
    `${configuration.recipient} (its secret key: identity.txt beside it)`,
  );
  narration.fact('Repositories', `${REPOSITORIES.primary} (a directory) and ${REPOSITORIES.copy} (S3)`);
  narration.fact('Worker', `process ${worker.pid}, log ${worker.log}`);
  // Everything in one stream, so that the lines keep their order in a pipe.
  const streams = { out: process.stdout, err: process.stdout, in: process.stdin };
  const terminal = openTerminal({ json: false, streams });
  const before = { graph: graphCounts, vectors };
  return { narration, terminal, testbed, made, graph, configuration, connected, worker, before };
}

/** Whatever this machine is set up to use otherwise, Lifeboat shall use the testbed's server. */
function useOnlyItsTemporal({ directory }: Testbed): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('TEMPORAL_')) delete process.env[name];
  // A file that is not there: no profile.
  process.env.TEMPORAL_CONFIG_FILE = join(directory, 'temporal.toml');
}

async function fillGraph(graph: Neo4jServer) {
  const driver = graph.driver();
  try {
    return await loadGraph(driver, NODES);
  } finally {
    await driver.close();
  }
}

function tellSample(
  narration: Narration,
  testbed: Testbed,
  graph: Neo4jServer,
  counts: { nodes: number; relationships: number; labels: Record<string, number> },
  vectors: VectorFacts,
): void {
  const kinds = Object.entries(counts.labels).map(([label, nodes]) => `${nodes} ${label}`);
  narration.fact('Neo4j', `container ${graph.containerName}, ${graph.boltUrl}`);
  narration.fact('', `${counts.nodes} nodes (${kinds.join(', ')}), ${counts.relationships} relationships`);
  narration.fact(
    'Qdrant',
    `${testbed.qdrant.real ? 'a server' : 'the stand-in for a server'}, ${testbed.qdrant.url}`,
  );
  for (const [name, { points, indexes, aliases }] of Object.entries(vectors)) {
    const alias = aliases.length > 0 ? `, alias ${aliases.join(', ')}` : '';
    narration.fact('', `${name}: ${points} points, payload index on ${indexes.join(', ')}${alias}`);
  }
}
