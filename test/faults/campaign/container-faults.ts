import { setTimeout as sleep } from 'node:timers/promises';
import { listInterruptions } from '../../../src/adapters/docker/interruption.ts';
import { LABELS } from '../../../src/model/names.ts';
import { restartEngine } from '../../testbed/engine.ts';
import type { Inject } from './injection.ts';
import { inTurn } from './patience.ts';
import type { Scene } from './scene.ts';

/** How long a helper, or a Neo4j that is down, is waited for (milliseconds). */
const PATIENCE_MS = 20_000;

export const killHelper: Inject = async ({ scene, goOn }) => {
  goOn();
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const filters = JSON.stringify({ label: [LABELS.role] });
    const running = await scene.engine.listContainers({ filters }).catch(() => []);
    for (const { Id } of running) {
      const killed = await scene.engine
        .getContainer(Id)
        .kill()
        .then(
          () => true,
          () => false,
        );
      if (killed) return true;
    }
    await sleep(50);
  }
  return false;
};

/** The process dies as by the kernel: not by a word to Docker, which would then not start it again. */
export const killNeo4j: Inject = async ({ scene, goOn }) => {
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const container = scene.engine.getContainer(scene.neo4j.containerName);
    const state = await container.inspect().then(
      ({ State }) => State,
      () => undefined,
    );
    if (state?.Running && state.Pid > 0) {
      process.kill(state.Pid, 'SIGKILL');
      return true;
    }
    goOn();
    await sleep(100);
  }
  return false;
};

export const breakEngine: Inject = async ({ scene, chance, goOn }) => {
  const how = chance.pick(['kill', 'stop'] as const);
  const restarted = inTurn(`${scene.directory} engine`, async () => {
    const ran = await isRunning(scene);
    await restartEngine(scene.docker, how);
    if (ran) await startWhatTheEngineStopped(scene);
  });
  goOn();
  await restarted;
  return true;
};

const isRunning = async ({ engine, neo4j }: Scene): Promise<boolean> =>
  await engine
    .getContainer(neo4j.containerName)
    .inspect()
    .then(
      ({ State }) => State.Running,
      () => false,
    );

/**
 * An engine that was killed stops the containers that it finds alive at its next start, and some versions (20.10) then take them for
 * stopped by a person, whatever their restart policy. Nobody but that person starts those; what Lifeboat stopped, it has a record of.
 */
async function startWhatTheEngineStopped(scene: Scene): Promise<void> {
  if ((await isRunning(scene)) || (await listInterruptions(scene.engine)).length > 0) return;
  await scene.engine.getContainer(scene.neo4j.containerName).start();
}
