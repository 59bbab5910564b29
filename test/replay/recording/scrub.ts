import { readablePayloads } from './payloads.ts';
import { type History, plainHistory } from './plain-history.ts';

/** A history as it is kept: what replaying needs and no more, with payloads that can be read. */
export interface RecordedHistory {
  workflowId: string;
  events: Event[];
}

export type Event = { eventId: string; eventTime: object; eventType: string } & Record<string, unknown>;

/** What stands for something of the machine that recorded: its text, and what is written instead. */
export type Replacement = readonly [found: string | RegExp, written: string];

/** What replaying looks at. Summaries, timeouts, retries, queues and who did it are not among it, nor is what an activity is given. */
const KEPT: ReadonlySet<string> = new Set([
  ...['activityId', 'activityType', 'name', 'attempt', 'timerId', 'startToFireTimeout', 'cause', 'details'],
  ...['seconds', 'nanos'],
  ...['markerName', 'signalName', 'result', 'workflowType', 'workflowId', 'runId', 'workflowExecution'],
  ...['originalExecutionRunId', 'firstExecutionRunId', 'parentWorkflowExecution', 'parentWorkflowNamespace'],
  ...['parentInitiatedEventId', 'rootWorkflowExecution', 'childWorkflowOnly', 'namespace'],
  ...['scheduledEventId', 'startedEventId', 'initiatedEventId', 'workflowTaskCompletedEventId'],
  ...['sdkMetadata', 'coreUsedFlags', 'langUsedFlags', 'sdkName', 'sdkVersion'],
  ...['failure', 'message', 'type', 'nonRetryable', 'retryState', 'timeoutType'],
  ...['applicationFailureInfo', 'activityFailureInfo', 'childWorkflowExecutionFailureInfo'],
  ...['timeoutFailureInfo', 'canceledFailureInfo', 'terminatedFailureInfo', 'serverFailureInfo'],
]);

/** What replaying looks at in these events only. */
const KEPT_OF: Record<string, string[]> = {
  EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: ['input', 'taskQueue', 'workflowTaskTimeout'],
  EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: ['input'],
};

/**
 * Leave of a history what replaying needs, and put neutral words in the place of what is of this machine.
 * @param forbidden texts that must not be left: the paths and names of this machine.
 * @throws when one of them is.
 */
export function scrub(
  history: History,
  workflowId: string,
  replacements: readonly Replacement[],
  forbidden: readonly string[],
): RecordedHistory {
  const events = plainHistory(history).events as Event[];
  const kept = { workflowId, events: events.map((event) => readablePayloads(reduced(event)) as Event) };
  let text = JSON.stringify(kept);
  for (const [found, written] of replacements) text = text.replaceAll(found, written);
  const left = forbidden.find((one) => text.includes(one));
  if (left !== undefined) {
    const at = text.indexOf(left);
    throw new Error(
      `The history of ${workflowId} still holds "${left}": ${text.slice(Math.max(0, at - 100), at + 100)}`,
    );
  }
  return JSON.parse(text) as RecordedHistory;
}

function reduced(event: Event): Event {
  const { eventId, eventTime, eventType } = event;
  const key = Object.keys(event).find((one) => one.endsWith('EventAttributes')) ?? '';
  const attributes = event[key] as Record<string, unknown>;
  const more = (KEPT_OF[eventType] ?? []).map((name) => [name, attributes[name]]);
  return {
    eventId,
    eventTime,
    eventType,
    [key]: { ...(only(attributes) as object), ...Object.fromEntries(more) },
  };
}

/** @param value below it only what is kept, but payloads as a whole. */
function only(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(only);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key === 'payloads' || (key === 'details' && isMarker(value))) return [[key, inner]];
      return KEPT.has(key) || key === 'cause' ? [[key, only(inner)]] : [];
    }),
  );
}

/** A marker tells by its details which patch it is of. */
const isMarker = (attributes: object): boolean => 'markerName' in attributes;

/** One event a line, so that differences can be read. */
export function asText({ workflowId, events }: RecordedHistory): string {
  const lines = events.map((event) => JSON.stringify(event));
  return `{"workflowId":${JSON.stringify(workflowId)},"events":[\n${lines.join(',\n')}\n]}\n`;
}

/**
 * What a run did, whatever the order in which things that go on side by side came to an end: two histories with the same shape tell
 * the same.
 */
export function shapeOf({ events }: RecordedHistory): string {
  const words = events.flatMap((event) => {
    const text = JSON.stringify(event);
    if (event.eventType.startsWith('EVENT_TYPE_WORKFLOW_TASK')) return [];
    const names = [...text.matchAll(/"(?:signalName|markerName|name|timeoutType)":"([^"]+)"/g)].map(
      ([, name]) => name,
    );
    return [`${event.eventType} ${names.join(' ')}`];
  });
  return words.sort().join('\n');
}
