import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { connectDocker } from './engine.ts';
import { type Neo4jServer, type Neo4jServerOptions, startNeo4j } from './neo4j.ts';
import type { TestbedState } from './state.ts';

/** The parts that a testbed has. */
export const PARTS = ['docker', 'neo4j', 'temporal', 's3', 'gcs', 'qdrant'] as const;
export type Part = (typeof PARTS)[number];

/** The testbed that runs, as a test uses it. */
export interface Testbed extends Required<Omit<TestbedState, 'owner' | 'processes' | 'files' | 'startedAt'>> {
  /** A client of the testbed's Docker engine. */
  engine: Docker;
  /** Start a Neo4j server on the testbed's engine, labelled; the test removes it. */
  startNeo4j(options?: Omit<Neo4jServerOptions, 'docker' | 'image' | 'testbed'>): Promise<Neo4jServer>;
}

/**
 * The testbed whose state file `LIFEBOAT_TESTBED` names: `scripts/test` sets it, `scripts/testbed up` prints it.
 * Parts that were not asked for throw when they are used.
 */
export function useTestbed(): Testbed {
  const file = process.env.LIFEBOAT_TESTBED;
  if (!file) {
    throw new Error(
      'No testbed runs. Run the tests by scripts/test, or run scripts/testbed up and set LIFEBOAT_TESTBED to the state file that it prints.',
    );
  }
  const state = JSON.parse(readFileSync(file, 'utf8')) as TestbedState;
  const part = <K extends keyof TestbedState>(key: K): NonNullable<TestbedState[K]> => {
    const value = state[key];
    if (value === undefined) {
      throw new Error(`The testbed was brought up without ${key}. Name it in the test's "// needs:" line.`);
    }
    return value as NonNullable<TestbedState[K]>;
  };
  let docker: Docker | undefined;
  const engine = () => {
    docker ??= connectDocker(part('docker').host);
    return docker;
  };
  return {
    id: state.id,
    directory: state.directory,
    get docker() {
      return part('docker');
    },
    get engine() {
      return engine();
    },
    get neo4jImage() {
      return part('neo4jImage');
    },
    get temporal() {
      return part('temporal');
    },
    get s3() {
      return part('s3');
    },
    get gcs() {
      return part('gcs');
    },
    get qdrant() {
      return part('qdrant');
    },
    startNeo4j: (options = {}) =>
      startNeo4j({ ...options, docker: engine(), image: part('neo4jImage'), testbed: state.id }),
  };
}
