import { objectiveOf } from '../config/telemetry.ts';
import { messageOf } from '../model/failures.ts';
import type { HostStatus } from '../model/fleet-status.ts';
import type { Dependencies } from './dependencies.ts';
import { readLastGood } from './last-good.ts';
import { step } from './step.ts';

/** What the worker of a host in a fleet answers to whoever looks after the fleet. */
export function createHostActivities(deps: Dependencies) {
  return {
    /** Answered at once by any worker that lives: the version of Lifeboat that it runs. */
    async ping(): Promise<string> {
      return deps.version;
    },

    /** How old the last good sets of this host are, by its own configuration and repositories. */
    async hostStatus(): Promise<HostStatus> {
      return await step('status', async ({ signal }) => {
        const { services, repositories, objectives } = deps.config();
        const lastGood = new Map<string, number>();
        const problems: string[] = [];
        for (const { name } of repositories) {
          try {
            await readLastGood(deps.repository(name), services, lastGood, signal);
          } catch (error) {
            if (signal.aborted) throw error;
            problems.push(messageOf(error));
          }
        }
        const now = Date.now();
        return {
          version: deps.version,
          services: services.map(({ name }) => {
            const at = lastGood.get(name);
            const stale = at === undefined || now - at > objectiveOf(objectives, name).rpoMs;
            return { service: name, newest: at === undefined ? null : new Date(at).toISOString(), stale };
          }),
          problems,
        };
      });
    },
  };
}
