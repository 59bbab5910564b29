import type Docker from 'dockerode';
import { TESTBED_LABEL } from '../../test/testbed/neo4j.ts';
import { untilAnswering } from './bolt-probe.ts';
import type { Stage } from './stage.ts';

/** What the plain commands took (seconds). */
export interface PlainTimes {
  stop: number;
  dump: number;
  start: number;
  total: number;
}

const OWNER = '7474:7474';

/**
 * What a person would do by hand: `docker stop`, `neo4j-admin database dump` of both databases in one `docker run`,
 * `docker start`, wait until bolt answers. Making and chowning the volume for the dumps is not measured.
 */
export async function plainCommands({ testbed, graph }: Stage): Promise<PlainTimes> {
  const { engine } = testbed;
  const labels = { [TESTBED_LABEL]: testbed.id };
  const volume = `${graph.containerName}-plain`;
  await engine.createVolume({ Name: volume, Labels: labels });
  const run = (user: string, entrypoint: string[], command: string[]) =>
    runToEnd(engine, {
      Image: testbed.neo4jImage,
      Entrypoint: entrypoint,
      Cmd: command,
      User: user,
      Hostname: 'localhost',
      Labels: labels,
      HostConfig: { NetworkMode: 'none', VolumesFrom: [graph.containerName], Binds: [`${volume}:/plain`] },
    });
  const container = engine.getContainer(graph.containerName);
  try {
    await run('0:0', ['chown'], [OWNER, '/plain']);
    const began = performance.now();
    await container.stop({ t: 120 });
    const stopped = performance.now();
    const dump = (database: string) => `neo4j-admin database dump ${database} --to-path=/plain`;
    await run(OWNER, ['sh', '-c'], [`${dump('neo4j')} && ${dump('system')}`]);
    const dumped = performance.now();
    await container.start();
    await untilAnswering(graph);
    const serving = performance.now();
    const between = (from: number, to: number) => (to - from) / 1000;
    return {
      stop: between(began, stopped),
      dump: between(stopped, dumped),
      start: between(dumped, serving),
      total: between(began, serving),
    };
  } finally {
    await engine.getVolume(volume).remove({ force: true });
  }
}

/** Run a container to its end, and remove it; fails with its last words. */
export async function runToEnd(engine: Docker, options: Docker.ContainerCreateOptions): Promise<void> {
  const container = await engine.createContainer(options);
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    if (StatusCode === 0) return;
    const said = await container.logs({ stdout: true, stderr: true, tail: 20 });
    throw new Error(
      `"${[...(options.Entrypoint ?? []), ...(options.Cmd ?? [])].join(' ')}" ended with ${StatusCode}: ${said.toString()}`,
    );
  } finally {
    await container.remove({ force: true, v: true });
  }
}
