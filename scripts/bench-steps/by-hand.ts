import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { TESTBED_LABEL } from '../../test/testbed/neo4j.ts';
import { untilAnswering } from '../quickstart-steps/bolt-probe.ts';
import { runToEnd } from '../quickstart-steps/plain-commands.ts';

const run = promisify(execFile);
const OWNER = '7474:7474';

/** A container that is backed up by hand. */
export interface ByHand {
  engine: Docker;
  image: string;
  testbed: string;
  server: Neo4jServer;
}

/** What people do today, each as the commands that they would type. The container runs and answers again at the end of each. */
export const PROCEDURES: Record<string, (on: ByHand) => Promise<void>> = {
  restart: async (on) => await whileStopped(on, async () => {}),

  document: async (on) => {
    const volume = await volumeFor(on);
    try {
      await whileStopped(on, async () => {
        const dump = (database: string) => `neo4j-admin database dump ${database} --to-path=/plain`;
        await inImage(on, `${volume}:/plain`, OWNER, ['sh', '-c'], [`${dump('neo4j')} && ${dump('system')}`]);
      });
    } finally {
      await on.engine.getVolume(volume).remove({ force: true });
    }
  },

  tar: async (on) => {
    const [source, folder] = [await mountpointOf(on), await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))];
    try {
      await whileStopped(on, async () => {
        await run('sh', [
          '-c',
          `set -e; tar -C "$0" -cf - . | zstd -q -3 -T0 -o "$1/volume.tar.zst"`,
          source,
          folder,
        ]);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },

  restic: async (on) => {
    const [source, folder] = [await mountpointOf(on), await mkdtemp(join(tmpdir(), 'lifeboat-bench-'))];
    const env = {
      ...process.env,
      RESTIC_PASSWORD: 'bench',
      RESTIC_REPOSITORY: folder,
      RESTIC_CACHE_DIR: `${folder}-cache`,
    };
    try {
      await run('restic', ['init', '-q'], { env });
      await whileStopped(on, async () => {
        await run('restic', ['backup', '-q', source], { env });
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rm(`${folder}-cache`, { recursive: true, force: true });
    }
  },
};

/** Load a dump over the database `neo4j`, as a person does. @param dumps the directory of the engine's host that has `neo4j.dump`. */
export async function loadByHand(on: ByHand, dumps: string): Promise<void> {
  const load = ['database', 'load', 'neo4j', '--from-path=/dumps', '--overwrite-destination=true'];
  await whileStopped(on, async () => {
    await inImage(on, `${dumps}:/dumps:ro`, OWNER, ['neo4j-admin'], load);
  });
}

async function whileStopped({ engine, server }: ByHand, work: () => Promise<void>): Promise<void> {
  const container = engine.getContainer(server.containerName);
  await container.stop({ t: 120 });
  await work();
  await container.start();
  await untilAnswering(server);
}

async function volumeFor(on: ByHand): Promise<string> {
  const name = `${on.server.containerName}-plain`;
  await on.engine.createVolume({ Name: name, Labels: { [TESTBED_LABEL]: on.testbed } });
  await inImage(on, `${name}:/plain`, '0:0', ['chown'], [OWNER, '/plain']);
  return name;
}

const mountpointOf = async ({ engine, server }: ByHand): Promise<string> =>
  (await engine.getVolume(server.volumes.data).inspect()).Mountpoint;

async function inImage(on: ByHand, bind: string, user: string, entrypoint: string[], command: string[]) {
  await runToEnd(on.engine, {
    Image: on.image,
    Entrypoint: entrypoint,
    Cmd: command,
    User: user,
    Hostname: 'localhost',
    Labels: { [TESTBED_LABEL]: on.testbed },
    HostConfig: {
      NetworkMode: 'none',
      VolumesFrom: [on.server.containerName],
      Binds: [bind],
    },
  });
}
