import {
  CancellationScope,
  ContinueAsNew,
  isCancellation,
  ParentClosePolicy,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { NotificationEvent, RunOutcome } from '../model/notification.ts';
import { notifying, probe } from './activity-options.ts';
import { causeOf } from './failure.ts';

/** What a run is about, as far as it is known when it ends. */
export type Subject = Pick<RunOutcome, 'services' | 'repositories' | 'set' | 'bytes' | 'failures'>;

/**
 * Run a workflow's body, and tell people how it ended. Telling is a run of its own that outlives this one: a receiver that is
 * away never holds up a backup, and never fails one. A cancel is told to nobody: somebody wanted it.
 */
export async function andTell<T>(
  operation: string,
  subject: Subject,
  body: () => Promise<T>,
  {
    outcomeOf = () => 'ok',
    quiet = false,
    startedAt = workflowInfo().startTime.toISOString(),
  }: {
    outcomeOf?: (result: T) => RunOutcome['outcome'];
    /** Tell only of trouble and its end: a ping that a backup is watched by must not come from a run that took none. */
    quiet?: boolean;
    /** When it began (ISO 8601), where that was in an earlier run that continued as this one. */
    startedAt?: string | undefined;
  } = {},
): Promise<T> {
  const { workflowId, runId } = workflowInfo();
  const tell = async (outcome: RunOutcome['outcome'], message?: string) => {
    const run: RunOutcome = {
      ...subject,
      services: subject.services.length > 0 ? subject.services : ['all services'],
      operation,
      outcome,
      startedAt,
      finishedAt: new Date().toISOString(),
      workflowId,
      runId,
      ...(message ? { message } : {}),
    };
    // Nobody to tell, or nobody knows: neither is a reason for a run to fail.
    const all = await probe('See what is to be told', { attempts: 3 })
      .eventsFor({ run })
      .catch(() => []);
    const events = all.filter(({ kind }) => !quiet || kind !== 'success');
    if (events.length === 0) return;
    await startChild(notification, {
      workflowId: `notification/${operation}/${uuid4()}`,
      args: [{ events }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Tell that ${operation} is ${outcome}`,
    });
  };
  let result: T;
  try {
    result = await body();
  } catch (error) {
    // What continues as a new run has not ended.
    if (!isCancellation(error) && !(error instanceof ContinueAsNew)) {
      await CancellationScope.nonCancellable(async () => await tell('failed', causeOf(error).message));
    }
    throw error;
  }
  await tell(outcomeOf(result));
  return result;
}

/**
 * Tell every channel that wants to know, each with its own retries. A channel hears of one event after the other;
 * one that can't be reached does not hold up the others.
 */
export async function notification({ events }: { events: NotificationEvent[] }): Promise<string[]> {
  const heard = new Map<string, NotificationEvent[]>();
  for (const event of events) {
    for (const channel of await notifying('See who wants to know').channelsFor({ event })) {
      heard.set(channel, [...(heard.get(channel) ?? []), event]);
    }
  }
  const told: string[] = [];
  const tell = async (channel: string, event: NotificationEvent) => {
    try {
      await notifying(`Tell ${channel}: ${event.kind}`).notify({ channel, event });
      told.push(`${channel}: ${event.kind}`);
    } catch (error) {
      told.push(`${channel}: ${event.kind} could not be told: ${causeOf(error).message}`);
    }
  };
  await Promise.all(
    [...heard].map(async ([channel, wanted]) => {
      for (const event of wanted) await tell(channel, event);
    }),
  );
  return told;
}
