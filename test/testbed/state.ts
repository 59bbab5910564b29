import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache.ts';
import type { ProcessIdentity } from './process.ts';

/** What is written down about a testbed that runs, so that tests find it and `down` ends it. */
export interface TestbedState {
  id: string;
  /** A scratch directory, removed with the testbed. */
  directory: string;
  /** When it was brought up, in ISO 8601. */
  startedAt: string;
  /** The run that the testbed belongs to; when that was killed, the next start removes the testbed. Null: it stays. */
  owner: ProcessIdentity | null;
  /** Everything that `down` has to end. */
  processes: ProcessIdentity[];
  /** Files outside `directory` that a server leaves behind. */
  files: string[];
  docker?: {
    /** As in `DOCKER_HOST`. */
    host: string;
    /** The same as a path, where it is a Unix socket; else empty. */
    socketPath: string;
    /** Whether the testbed started the engine itself. */
    private: boolean;
    /** Where an engine that belongs to this testbed alone keeps its things: it ends with the testbed. */
    directory?: string;
  };
  neo4jImage?: string;
  temporal?: { address: string; namespace: string; uiUrl: string };
  s3?: S3State;
  gcs?: { endpoint: string };
  qdrant?: { url: string; apiKey: string; real: boolean };
}

export interface S3State {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** A bucket that is there. */
  bucket: string;
}

/** Where the state files of this cache's testbeds are, one a testbed. */
export const statesDirectory = (): string => cacheDirectory('testbeds');

export const stateFile = (id: string): string => join(statesDirectory(), `${id}.json`);

/** All testbeds of this cache, oldest first. */
export async function testbeds(): Promise<TestbedState[]> {
  const found: TestbedState[] = [];
  for (const name of await readdir(statesDirectory())) {
    if (!name.endsWith('.json')) continue;
    const text = await readFile(join(statesDirectory(), name), 'utf8').catch(() => undefined);
    if (text !== undefined) found.push(JSON.parse(text) as TestbedState);
  }
  return found.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
}

/** Write a state down: the file is whole or as it was before. */
export async function writeState(state: TestbedState): Promise<void> {
  const file = stateFile(state.id);
  await writeFile(`${file}.unfinished`, JSON.stringify(state, null, 2), { mode: 0o600 });
  await rename(`${file}.unfinished`, file);
}

/** Forget a testbed that was taken down. */
export async function forget(id: string): Promise<void> {
  await rm(stateFile(id), { force: true });
}
