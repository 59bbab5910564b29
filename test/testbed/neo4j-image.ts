import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { cacheDirectory } from './cache.ts';
import { onPath } from './command.ts';
import { withLock } from './lock.ts';
import { buildNeo4jArchive } from './neo4j-archive.ts';
import { type Say, silently } from './progress.ts';
import { pullImage } from './pull-image.ts';

/** The newest 5.26 on Maven Central when this was written. A range would make Maven fetch every version's poms. */
export const NEO4J_VERSION = '5.26.30';

const STAND_IN = 'lifeboat-test/neo4j';
const OFFICIAL_IMAGE = 'neo4j:5.26-community';
export const IMAGE_SOURCES = fileURLToPath(new URL('./neo4j-image', import.meta.url));

/**
 * Make sure that the engine has an image of Neo4j Community, and answer its name: the one that
 * `LIFEBOAT_TEST_NEO4J_IMAGE` names, else the official one where it is present or can be pulled, else one with the
 * same conventions that is built from Maven Central's jars and kept in the cache.
 */
export async function ensureNeo4jImage(
  docker: Docker,
  testbed: string,
  say: Say = silently,
): Promise<string> {
  const given = process.env.LIFEBOAT_TEST_NEO4J_IMAGE;
  if (given) {
    if (!(await hasImage(docker, given)) && !(await pullImage(docker, given, 300, say))) {
      throw new Error(`The image ${given} (LIFEBOAT_TEST_NEO4J_IMAGE) is not there and can not be pulled.`);
    }
    return given;
  }
  if (await hasImage(docker, OFFICIAL_IMAGE)) return OFFICIAL_IMAGE;
  const java = await javaHome();
  const digest = await digestOf(java);
  const name = `${STAND_IN}:${NEO4J_VERSION}-${digest}`;
  if (await hasImage(docker, name)) return name;
  return withLock('neo4j-image', async () => {
    const archive = join(cacheDirectory('neo4j-image'), `neo4j-${NEO4J_VERSION}-${digest}.tar`);
    if (!existsSync(archive)) {
      if (await pullImage(docker, OFFICIAL_IMAGE, 120, say)) return OFFICIAL_IMAGE;
      await buildNeo4jArchive({
        ...{ docker, testbed, archive, name, say },
        version: NEO4J_VERSION,
        java: needJava(java),
      });
    }
    if (!(await hasImage(docker, name))) {
      say(`loading ${name}`);
      await loadImage(docker, archive);
    }
    return name;
  });
}

/**
 * The same image with programs that start as the official image's do, for measurements: the stand-in's start in half the time, which would
 * make the windows of all ways look shorter than users find them.
 */
export async function withOfficialStart(docker: Docker, image: string): Promise<string> {
  if (!image.startsWith(STAND_IN)) return image;
  const [repo, tag] = [STAND_IN, `${image.slice(STAND_IN.length + 1)}-official-start`];
  if (await hasImage(docker, `${repo}:${tag}`)) return `${repo}:${tag}`;
  const container = await docker.createContainer({ Image: image });
  try {
    await container.commit({ repo, tag, changes: 'ENV STAND_IN_START=official' });
  } finally {
    await container.remove({ v: true });
  }
  return `${repo}:${tag}`;
}

export async function hasImage(docker: Docker, name: string): Promise<boolean> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** What `docker load` does. */
export async function loadImage(docker: Docker, archive: string): Promise<void> {
  const stream = await docker.loadImage(createReadStream(archive), { quiet: true });
  const lines = await new Promise<{ error?: string }[]>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output)));
  });
  const refused = lines.find((line) => line.error !== undefined);
  if (refused) throw new Error(`The Docker engine did not load ${archive}: ${refused.error}`);
}

/** The image changes with what it is made of: the scripts, the version, the Java runtime, and how its classes are archived. */
async function digestOf(java: string | undefined): Promise<string> {
  const hash = createHash('sha256').update(`${NEO4J_VERSION} ${process.arch}\n`);
  for (const name of (await readdir(IMAGE_SOURCES)).sort()) {
    hash.update(`${name}\n`).update(await readFile(join(IMAGE_SOURCES, name)));
  }
  hash.update(await readFile(fileURLToPath(new URL('./class-archive.ts', import.meta.url))));
  if (java) hash.update(await readFile(join(java, 'release'), 'utf8').catch(() => java));
  return hash.digest('hex').slice(0, 10);
}

/** The machine's Java 17, which 5.26 needs: `JAVA_HOME`, the usual place, or where `java` on PATH leads. */
async function javaHome(): Promise<string | undefined> {
  const java = await onPath('java');
  const candidates = [
    process.env.JAVA_HOME,
    ...(await readdir('/usr/lib/jvm').catch(() => [])).sort().map((name) => join('/usr/lib/jvm', name)),
    java && join(await realpath(java), '..', '..'),
  ];
  for (const candidate of candidates) {
    if (!candidate) continue;
    const release = await readFile(join(candidate, 'release'), 'utf8').catch(() => '');
    const whole = await stat(join(candidate, 'lib', 'server', 'libjvm.so')).catch(() => undefined);
    if (/JAVA_VERSION="17[."]/.test(release) && whole) return realpath(candidate);
  }
  return undefined;
}

function needJava(java: string | undefined): string {
  if (java) return java;
  throw new Error(
    'The Neo4j image can not be pulled here, and to build one Java 17 is needed. Install a JDK 17 (on Debian: openjdk-17-jdk-headless) and Maven, and try again.',
  );
}
