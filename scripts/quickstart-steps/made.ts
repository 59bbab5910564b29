import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRepository } from '../../src/adapters/repository/open.ts';
import { Secret } from '../../src/config/secret.ts';
import { cacheDirectory } from '../../test/testbed/cache.ts';
import { connectDocker } from '../../test/testbed/engine.ts';
import { identify, isRunning, type ProcessIdentity } from '../../test/testbed/process.ts';
import type { TestbedState } from '../../test/testbed/state.ts';
import { deleteVectors } from './sample-vectors.ts';

/**
 * What a quickstart makes outside its testbed: on the Docker engine under the names of its services, and on servers that were
 * given. Written down before it is made, so that the next start finds what a killed one left.
 */
export interface Made {
  testbed: string;
  owner: ProcessIdentity | null;
  /** Names that no other run has: by them, everything of Lifeboat's is found again. */
  services: { graph: string; vectors: string };
  s3Prefix: string;
  /** The servers on which it makes something, as far as they were given. */
  s3Endpoint?: string;
  qdrantUrl?: string;
}

const recordFile = (testbed: string): string => join(cacheDirectory('quickstarts'), `${testbed}.json`);

/** Write down what this run is about to make. */
export async function recordMade(testbed: TestbedState): Promise<Made> {
  const made: Made = {
    testbed: testbed.id,
    owner: identify(process.pid) ?? null,
    services: { graph: `graph-${testbed.id}`, vectors: `vectors-${testbed.id}` },
    s3Prefix: `quickstart-${testbed.id}`,
    ...(process.env.LIFEBOAT_TEST_S3_ENDPOINT ? { s3Endpoint: process.env.LIFEBOAT_TEST_S3_ENDPOINT } : {}),
    ...(testbed.qdrant?.real ? { qdrantUrl: testbed.qdrant.url } : {}),
  };
  const file = recordFile(testbed.id);
  await writeFile(`${file}.unfinished`, JSON.stringify(made), { mode: 0o600 });
  await rename(`${file}.unfinished`, file);
  return made;
}

/** Remove what killed runs left where this testbed's servers are; answers how many runs that were. */
export async function removeLeftovers(testbed: TestbedState): Promise<number> {
  let removed = 0;
  for (const name of await readdir(cacheDirectory('quickstarts'))) {
    if (!name.endsWith('.json')) continue;
    const text = await readFile(join(cacheDirectory('quickstarts'), name), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const made = JSON.parse(text) as Made;
    if (made.owner && isRunning(made.owner)) continue;
    await removeMade(made, testbed);
    removed += 1;
  }
  return removed;
}

/** Remove what a run made outside its testbed, as far as this testbed's servers are the same, and forget it. */
export async function removeMade(made: Made, testbed: TestbedState): Promise<void> {
  if (testbed.docker) {
    const docker = connectDocker(testbed.docker.host);
    for (const service of Object.values(made.services)) await removeOf(docker, service);
  }
  if (testbed.qdrant && made.qdrantUrl === testbed.qdrant.url) await deleteVectors(testbed.qdrant);
  if (testbed.s3 && made.s3Endpoint === testbed.s3.endpoint) await emptyPrefix(testbed.s3, made.s3Prefix);
  await rm(recordFile(made.testbed), { force: true });
}

/** Helpers, staging, sandboxes, records and safety copies of one service. */
async function removeOf(docker: ReturnType<typeof connectDocker>, service: string): Promise<void> {
  const filters = { label: [`lifeboat.service=${service}`, 'lifeboat.role'] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true, v: true }).catch(unlessGone);
  }
  const { Volumes } = await docker.listVolumes({ filters });
  for (const { Name } of Volumes ?? [])
    await docker.getVolume(Name).remove({ force: true }).catch(unlessGone);
}

/** Missing, or already on its way out. */
function unlessGone(error: unknown): void {
  const status = (error as { statusCode?: number }).statusCode;
  if (status !== 404 && status !== 409) throw error;
}

async function emptyPrefix(s3: NonNullable<TestbedState['s3']>, prefix: string): Promise<void> {
  const repository = openRepository({
    kind: 's3',
    name: 'quickstart',
    bucket: s3.bucket,
    prefix,
    region: s3.region,
    endpoint: s3.endpoint,
    pathStyle: true,
    accessKeyId: new Secret(s3.accessKeyId),
    secretAccessKey: new Secret(s3.secretAccessKey),
    partBytes: 16 * 1024 * 1024,
    concurrency: 4,
  });
  try {
    await repository.sweep(0);
    for await (const { key } of repository.list('')) await repository.delete(key);
  } finally {
    await repository.close();
  }
}
