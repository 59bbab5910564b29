import { setTimeout as sleep } from 'node:timers/promises';
import type { Inject } from './injection.ts';

/** Longer than the longest heartbeat timeout of an activity that moves data (20 s), in milliseconds. */
const PAUSE_MS = 23_000;

const end =
  (signal: NodeJS.Signals): Inject =>
  async ({ scene }) => {
    if (scene.worker.pid === undefined) return false;
    await scene.worker.end(signal);
    return true;
  };

export const killWorker = end('SIGKILL');
export const terminateWorker = end('SIGTERM');

export const pauseWorker: Inject = async ({ scene, goOn }) => {
  const { worker } = scene;
  const { pid } = worker;
  if (pid === undefined) return false;
  worker.signal('SIGSTOP');
  goOn();
  await sleep(PAUSE_MS);
  if (worker.pid === pid) worker.signal('SIGCONT');
  return true;
};
