import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { cacheDirectory } from './cache.ts';
import { archiveClasses } from './class-archive.ts';
import { onPath, runCommand } from './command.ts';
import { ensurePackages } from './debian.ts';
import { IMAGE_SOURCES, loadImage } from './neo4j-image.ts';
import type { Say } from './progress.ts';

/**
 * Build an image of Neo4j Community from Maven Central's jars, this machine's Java and programs, as the archive that
 * `docker load` takes. The archive appears under its name only when it is whole.
 */
export async function buildNeo4jArchive(options: {
  docker: Docker;
  /** Id of the testbed, for the label of what is made on the way. */
  testbed: string;
  archive: string;
  /** Name and tag of the image. */
  name: string;
  version: string;
  /** Home of the Java runtime to copy. */
  java: string;
  say: Say;
}): Promise<void> {
  const { docker, testbed, archive, name, version, java, say } = options;
  await ensurePackages(['tini'], say);
  await removeUnfinished(dirname(archive));
  const work = await mkdtemp(join(dirname(archive), UNFINISHED));
  try {
    const jars = join(work, 'jars');
    say(`fetching the jars of Neo4j ${version} by Maven`);
    await fetchJars(version, jars);
    say('putting the image together');
    const root = join(work, 'root');
    await runCommand(join(IMAGE_SOURCES, 'build-root.sh'), [root, java, jars]);
    await packLayer(work, 'layer.tar', root);
    const bare = `${name}-bare`;
    await loadImage(docker, await packImage(work, ['layer.tar'], bare));
    say('archiving the classes that it loads');
    const shared = join(work, 'shared', 'opt', 'java', 'lib');
    await mkdir(shared, { recursive: true });
    try {
      await archiveClasses(docker, bare, testbed, join(shared, 'neo4j.jsa'));
    } finally {
      await docker.getImage(bare).remove({ force: true });
    }
    await packLayer(work, 'shared.tar', join(work, 'shared'));
    await rename(await packImage(work, ['layer.tar', 'shared.tar'], name), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const UNFINISHED = 'unfinished-';

/** What a killed build left. The caller holds the lock on the image, so nobody works there now. */
async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

async function fetchJars(version: string, directory: string): Promise<void> {
  const maven = await onPath('mvn');
  if (!maven) {
    throw new Error(
      'The Neo4j image can not be pulled here, and to build one Maven is needed. Install Maven (on Debian: maven) and try again.',
    );
  }
  const fetch = () =>
    runCommand(maven, [
      '-B',
      '-q',
      '-ntp',
      `-Dneo4j.version=${version}`,
      `-Dmaven.repo.local=${cacheDirectory('maven')}`,
      '-f',
      join(IMAGE_SOURCES, 'pom.xml'),
      'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies',
      `-DoutputDirectory=${directory}`,
      '-DincludeScope=runtime',
    ]);
  try {
    await fetch();
  } catch {
    // An interrupted run can leave a half-written file in the local repository: once more with an empty one.
    await rm(cacheDirectory('maven'), { recursive: true, force: true });
    await fetch();
  }
}

async function packLayer(work: string, layer: string, root: string): Promise<void> {
  await runCommand('tar', ['-C', root, '--sort=name', '--numeric-owner', '-cf', join(work, layer), '.']);
}

/** Layers, their configuration and a manifest: the format of `docker save`. */
async function packImage(work: string, layers: readonly string[], name: string): Promise<string> {
  const digests: string[] = [];
  for (const layer of layers) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(work, layer)), hash);
    digests.push(`sha256:${hash.digest('hex')}`);
  }
  const created = '2026-01-01T00:00:00Z';
  const configuration = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created,
    rootfs: { type: 'layers', diff_ids: digests },
    history: layers.map(() => ({ created, comment: 'Lifeboat testbed' })),
    config: IMAGE_CONFIGURATION,
  };
  await writeFile(join(work, 'config.json'), JSON.stringify(configuration));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: layers }];
  await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest));
  const image = join(work, 'image.tar');
  await runCommand('tar', ['-C', work, '-cf', image, 'manifest.json', 'config.json', ...layers]);
  return image;
}

/** As the official image has it. */
const IMAGE_CONFIGURATION = {
  Env: [
    'PATH=/var/lib/neo4j/bin:/opt/java/bin:/usr/bin',
    'JAVA_HOME=/opt/java',
    'NEO4J_HOME=/var/lib/neo4j',
    'NEO4J_EDITION=community',
    'LANG=C.UTF-8',
  ],
  WorkingDir: '/var/lib/neo4j',
  Volumes: { '/data': {}, '/logs': {} },
  ExposedPorts: { '7473/tcp': {}, '7474/tcp': {}, '7687/tcp': {} },
  Entrypoint: ['tini', '-g', '--', '/startup/docker-entrypoint.sh'],
  Cmd: ['neo4j'],
};
