import {
  ActivityCancellationType,
  ActivityFailure,
  type ActivityOptions,
  CancellationScope,
  CancelledFailure,
  proxyActivities,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { hostQueue } from '../model/names.ts';

/** Looking at things: quick, nothing is changed. */
const PROBE: ActivityOptions = {
  startToCloseTimeout: '2 minutes',
  scheduleToCloseTimeout: '10 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 5 },
};

/** Looking at as much as there is: an exact count goes through all points of a collection. */
const READING: ActivityOptions = {
  ...PROBE,
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '6 hours',
};

/**
 * What changes something must be over, also when it is cancelled, before what comes next: else a window would be closed while it is still
 * being opened. The SDK's own default does not wait.
 */
const AND_WAIT = { cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED };

/** What happens inside a window: short heartbeats, so that a dead worker is noticed while a database is down. */
const WINDOW: ActivityOptions = {
  ...AND_WAIT,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 6 },
};

/** Moving data: as long as it takes, as long as it moves. */
const TRANSFER: ActivityOptions = {
  ...AND_WAIT,
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '48 hours',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '2 seconds', maximumInterval: '1 minute', maximumAttempts: 10 },
};

/** Copies to other repositories: an outage may take days, and ends by itself. */
const REPLICATION: ActivityOptions = {
  startToCloseTimeout: '24 hours',
  scheduleToCloseTimeout: '7 days',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '2 seconds', maximumInterval: '1 minute' },
};

/** Giving a service back to its users: tried until it succeeds. */
const COMPENSATE: ActivityOptions = {
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 1.5, maximumInterval: '10 seconds' },
};

/** Giving back what is as large as the data: the same, for as long as it takes. */
const BRING_BACK: ActivityOptions = { ...COMPENSATE, startToCloseTimeout: '24 hours' };

/** Small writes to a repository. */
const CATALOG: ActivityOptions = {
  startToCloseTimeout: '5 minutes',
  scheduleToCloseTimeout: '2 hours',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
};

/** Telling people: for an hour, then it is given up. */
const NOTIFYING: ActivityOptions = {
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '2 seconds', maximumInterval: '2 minutes' },
};

/** Waiting for something to happen elsewhere: as long as it takes. */
const WAITING: ActivityOptions = {
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
};

/** Asking a host's own worker, which may have a lot to do. */
const HOST: ActivityOptions = {
  scheduleToStartTimeout: '20 seconds',
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 2 },
};

/** An activity's proxy with a summary that the Temporal UI shows beside it, and perhaps fewer attempts than its kind. */
const group = (options: ActivityOptions) => (summary: string, limit?: { attempts: number }) =>
  cancelledWithItsWorker(
    proxyActivities<Activities>({
      ...options,
      summary,
      ...(limit ? { retry: { ...options.retry, maximumAttempts: limit.attempts } } : {}),
    }),
  );

/** A cancelled step whose worker dies before it can say so ends by its heartbeat: that is the cancel that somebody wanted, and no failure. */
function cancelledWithItsWorker(
  activities: ReturnType<typeof proxyActivities<Activities>>,
): typeof activities {
  return new Proxy(activities, {
    get: (target, name) => {
      const activity = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return (...args: unknown[]) => {
        const scope = CancellationScope.current();
        return activity(...args).catch((error: unknown) => {
          const lost = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
          throw lost && scope.consideredCancelled
            ? new CancelledFailure('It was cancelled, and its worker is gone.', [], error)
            : error;
        });
      };
    },
  });
}

export const probe = group(PROBE);
export const reading = group(READING);
export const inWindow = group(WINDOW);
export const transfer = group(TRANSFER);
export const replication = group(REPLICATION);
export const compensate = group(COMPENSATE);
export const bringBack = group(BRING_BACK);
export const catalog = group(CATALOG);
export const notifying = group(NOTIFYING);
export const waiting = group(WAITING);

/** An activity that the worker of a host takes. */
export const onHost = (host: string, summary: string) =>
  proxyActivities<Activities>({ ...HOST, taskQueue: hostQueue(host), summary });

/** Asking a host of whom nobody was seen. A worker that lives takes a task in milliseconds: seconds are enough for a proof. */
export const proof = (host: string) =>
  proxyActivities<Activities>({
    ...HOST,
    scheduleToStartTimeout: '5 seconds',
    taskQueue: hostQueue(host),
    summary: `Ask whether ${host} is there`,
  });
