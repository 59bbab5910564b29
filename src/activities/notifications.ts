import { sendNotification } from '../adapters/notifications/send.ts';
import { objectiveOf } from '../config/telemetry.ts';
import { messageOf } from '../model/failures.ts';
import {
  channelsFor,
  type NotificationEvent,
  notificationsFor,
  type RunOutcome,
  staleNotification,
} from '../model/notification.ts';
import { DRY_RUN, DRY_RUN_ENDED } from '../model/progress.ts';
import { secretValues } from '../telemetry/secret-values.ts';
import type { Dependencies } from './dependencies.ts';
import { readLastGood } from './last-good.ts';
import { step } from './step.ts';

/** So many earlier runs are looked at for the one on the same services. */
const RUNS_LOOKED_AT = 200;

/** One that is no primary, and has answered before, is waited for no longer than this (milliseconds): a look has a minute for all of them. */
const PATIENCE_MS = 15_000;

/** Being told. */
export function createNotificationActivities(deps: Dependencies) {
  /** What each repository said when it last answered, by its location. */
  const said = new Map<string, Map<string, number>>();
  return {
    /** What people are told of a run that ended, given how the one before it ended. Every run asks this once, so it is counted here. */
    async eventsFor(input: { run: RunOutcome }): Promise<NotificationEvent[]> {
      return await step('notify', async ({ taskQueue }) => {
        const { operation, outcome } = input.run;
        const events =
          deps.config().notifications.length === 0
            ? []
            : notificationsFor(await previousOutcome(input.run, taskQueue), input.run);
        deps.metrics?.runEnded(operation, outcome);
        return events;
      });
    },

    /** Channels that want an event, by name. */
    async channelsFor(input: { event: NotificationEvent }): Promise<string[]> {
      return await step('notify', async () =>
        channelsFor(input.event, deps.config().notifications).map(({ name }) => name),
      );
    },

    /** Tell one channel of one event. */
    async notify(input: { channel: string; event: NotificationEvent }): Promise<void> {
      await step('notify', async ({ signal }) => {
        const config = deps.config();
        const channel = config.notifications.find(({ name }) => name === input.channel);
        if (!channel) return;
        try {
          await sendNotification(channel, input.event, { signal, secrets: secretValues(config) });
          deps.metrics?.notified(channel.name, 'sent');
        } catch (error) {
          deps.metrics?.notified(channel.name, 'failed');
          throw error;
        }
      });
    },

    /**
     * Services whose last good set is older than their objective, as events; nothing is said twice within a reminder.
     * @param input of the look that asks: its run, and when it began (milliseconds since 1970).
     */
    async staleServices(input: { runId: string; at: number }): Promise<NotificationEvent[]> {
      return await step('stale', async ({ signal, taskQueue }) => {
        const { services, repositories, objectives, notifications } = deps.config();
        if (notifications.length === 0 || services.length === 0) return [];
        const lastGood = new Map<string, number>();
        for (const [index, { name }] of repositories.entries()) {
          const repository = deps.repository(name);
          const before = said.get(repository.location);
          const patient =
            before && index > 0 ? AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) : signal;
          let here = new Map<string, number>();
          try {
            await readLastGood(repository, services, here, patient);
            said.set(repository.location, here);
          } catch (error) {
            // What can't be read now is not called stale: sets come to the primary first, so it has to answer; another one gets none while it is
            // away, so that what it said before still holds, once it has said anything.
            if (signal.aborted || index === 0 || !before) throw new Error(messageOf(error), { cause: error });
            here = before;
          }
          for (const [service, at] of here) lastGood.set(service, Math.max(at, lastGood.get(service) ?? 0));
        }
        const previousCheckAt = await previousLook({ runId: input.runId, taskQueue });
        return services.flatMap(({ name }) => {
          const event = staleNotification({
            service: name,
            lastGoodAt: lastGood.get(name) ?? null,
            limitMs: objectiveOf(objectives, name).rpoMs,
            remindMs: objectives.remindMs,
            now: input.at,
            previousCheckAt,
          });
          return event ? [event] : [];
        });
      });
    },
  };

  /** When the look before this one began; null when there was none, as far as Temporal remembers: then all is told. */
  async function previousLook({
    runId,
    taskQueue,
  }: {
    runId: string;
    taskQueue: string;
  }): Promise<number | null> {
    const query = `WorkflowType = "watchdog" AND TaskQueue = "${taskQueue}" AND ExecutionStatus = "Completed"`;
    for await (const execution of deps.client.workflow.list({ query, pageSize: 5 })) {
      // One that could not see whether services are stale has told nobody.
      const blind = execution.searchAttributes?.LifeboatPhase?.[0] === 'blind';
      if (execution.runId !== runId && !blind) return execution.startTime.getTime();
    }
    return null;
  }

  /**
   * How the run before this one of this operation on the same services, and into the same repositories, ended, as far as Temporal remembers. One that failed before it knew
   * them counts.
   */
  async function previousOutcome(
    run: RunOutcome,
    taskQueue: string,
  ): Promise<Pick<RunOutcome, 'outcome'> | null> {
    const query = `WorkflowType = "${run.operation}" AND TaskQueue = "${taskQueue}" AND ExecutionStatus != "Running"`;
    try {
      let looked = 0;
      for await (const execution of deps.client.workflow.list({ query, pageSize: 20 })) {
        looked += 1;
        if (looked > RUNS_LOOKED_AT) break;
        if (execution.runId === run.runId) continue;
        const services = execution.searchAttributes?.LifeboatService as string[] | undefined;
        if (services && !isSame(services, run.services)) continue;
        const repositories = execution.searchAttributes?.LifeboatRepository as string[] | undefined;
        if (run.repositories && repositories && !isSame(repositories, run.repositories)) continue;
        const phase = execution.searchAttributes?.LifeboatPhase?.[0];
        // A dry run is somebody's question, of which nobody was told.
        if (phase === DRY_RUN || phase === DRY_RUN_ENDED) continue;
        // A run that continued as new has not ended, and one that was cancelled was not wanted.
        if (['CANCELLED', 'CONTINUED_AS_NEW'].includes(execution.status.name)) continue;
        if (execution.status.name !== 'COMPLETED') return { outcome: 'failed' };
        return { outcome: phase === 'partial' ? 'partial' : 'ok' };
      }
    } catch {
      // Without visibility nobody knows.
    }
    return null;
  }
}

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  JSON.stringify(some.toSorted()) === JSON.stringify(others.toSorted());
