import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import type { Inject } from './injection.ts';
import { inTurn } from './patience.ts';
import type { Restartable } from './servers.ts';
import type { Weather } from './unsteady-network.ts';

/** How long an outage lasts (milliseconds). */
const outage = (chance: Chance): number => chance.whole(2000, 9000);

const killed =
  (which: 'qdrant' | 's3' | 'temporal'): Inject =>
  ({ scene, chance, goOn }) =>
    inTurn(`${scene.directory} ${which}`, async () => {
      const server: Restartable = scene[which];
      await server.kill();
      goOn();
      await sleep(outage(chance));
      await server.start();
      return true;
    });

export const killQdrant = killed('qdrant');
export const killS3 = killed('s3');
export const killTemporal = killed('temporal');

/** Its database is deleted. As after any loss: the worker is started anew, and the schedules are applied. */
export const loseTemporal: Inject = ({ scene, goOn }) =>
  inTurn(`${scene.directory} temporal`, async () => {
    await scene.temporal.kill();
    await scene.temporal.forget();
    goOn();
    await scene.temporal.start();
    await scene.worker.end('SIGTERM');
    await scene.worker.ready();
    await scene.applySchedules();
    return true;
  });

const weather =
  (weather: Weather, ...networks: ('s3' | 'qdrant')[]): Inject =>
  async ({ scene, chance, goOn }) => {
    for (const one of networks) scene.networks[one].turn(weather);
    goOn();
    await sleep(outage(chance));
    for (const one of networks) scene.networks[one].turn('clear');
    return true;
  };

export const slowS3 = weather('slow', 's3');
export const refusingS3 = weather('503', 's3');
export const cutNetwork = weather('cut', 's3', 'qdrant');

export const fillDisk: Inject = async ({ scene, chance, goOn }) => {
  await scene.disk.fill();
  goOn();
  await sleep(outage(chance));
  await scene.disk.release();
  return true;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Days behind or ahead, also far enough that what is being written now looks like what a dead run left. */
export const stepClock: Inject = async ({ scene, chance, goOn }) => {
  scene.worker.stepClock(chance.pick([-400, -2, 1, 4, 40, 4000]) * DAY_MS);
  goOn();
  await sleep(outage(chance));
  scene.worker.stepClock(0);
  return true;
};
