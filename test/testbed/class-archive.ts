import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { readFileFrom } from '../../src/adapters/docker/archive.ts';
import { loadGraph } from './graph.ts';
import { QUICK_START, startNeo4j, TESTBED_LABEL } from './neo4j.ts';

const STOP_SECONDS = 180;

/**
 * Write the archive of classes that an image's server and its `neo4j-admin` map into memory at their starts: found out by using both
 * once. Tests start hundreds of them, and without it a quarter of a server's start and a third of a `neo4j-admin` is the loading of classes.
 */
export async function archiveClasses(
  docker: Docker,
  image: string,
  testbed: string,
  file: string,
): Promise<void> {
  const server = await startNeo4j({
    ...{ docker, image, testbed },
    http: true,
    environment: { NEO4J_server_jvm_additional: `${QUICK_START} -XX:DumpLoadedClassList=/logs/server.lst` },
  });
  try {
    const driver = server.driver();
    await loadGraph(driver, 300).finally(async () => await driver.close());
    await docker.getContainer(server.containerId).stop({ t: STOP_SECONDS });
    const container = await docker.createContainer({
      Image: image,
      Labels: { [TESTBED_LABEL]: testbed },
      Cmd: ['/startup/archive-classes.sh', '/logs', '/logs/neo4j.jsa'],
      HostConfig: {
        NetworkMode: 'none',
        Binds: [`${server.volumes.data}:/data`, `${server.volumes.logs}:/logs`],
      },
    });
    try {
      await container.start();
      const { StatusCode } = await container.wait();
      if (StatusCode !== 0) {
        const said = await container.logs({ stdout: true, stderr: true, tail: 20 });
        throw new Error(`The classes of the image ${image} could not be archived: ${said}`);
      }
      await pipeline(
        await readFileFrom(docker, container.id, '/logs/neo4j.jsa'),
        createWriteStream(file, { mode: 0o644 }),
      );
    } finally {
      await container.remove({ force: true });
    }
  } finally {
    await server.remove();
  }
}
