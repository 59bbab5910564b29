import type { Connected } from '../../src/cli/session.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { GraphCounts } from '../../test/testbed/graph.ts';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import type { Testbed } from '../../test/testbed/testbed.ts';
import type { Configuration } from './configuration.ts';
import type { Made } from './made.ts';
import type { Narration } from './narration.ts';
import type { VectorFacts } from './sample-vectors.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Everything that the demonstration plays on, once it is set up. */
export interface Stage {
  narration: Narration;
  terminal: Terminal;
  testbed: Testbed;
  made: Made;
  graph: Neo4jServer;
  configuration: Configuration;
  connected: Connected;
  worker: WorkerProcess;
  /** What the databases held at first. */
  before: { graph: GraphCounts; vectors: VectorFacts };
}
