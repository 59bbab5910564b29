import { ActivityFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import { probe, proof } from './activity-options.ts';

/** Whether an activity failed because nobody took it, or nobody answered it, in time. */
export const isSilence = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;

/** Whether the worker of a host takes a task. It is asked only when nobody was seen polling for it. */
export async function answers(host: string): Promise<boolean> {
  try {
    await proof(host).ping();
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    // Whatever else went wrong, somebody took the task: a worker of an earlier Lifeboat does not know it.
    return !isSilence(error);
  }
}

/** Whom nobody was seen working for lately; where the server does not tell, that is everybody. */
export async function unseenOf(hosts: string[]): Promise<string[]> {
  try {
    const look = probe(`Look for the workers of ${hosts.length} hosts`);
    return await look.unseenHosts({ hosts, wait: false });
  } catch (error) {
    if (isCancellation(error)) throw error;
    return hosts;
  }
}
