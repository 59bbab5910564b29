import prettyBytes from 'pretty-bytes';
import type { NotificationEvent } from '../../model/notification.ts';

/** The facts of an event as label and value, in the order in which a person wants them. */
export function factsOf(event: NotificationEvent): [label: string, value: string][] {
  const facts: [string, string | undefined][] = [
    ['Services', event.services.join(', ')],
    ['Set', event.set],
    ['Size', event.bytes === undefined ? undefined : prettyBytes(event.bytes)],
    ['Workflow', event.workflowId],
    ['Started', event.startedAt],
    ['Finished', event.finishedAt],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

/** The event as plain text, one fact a line. */
export function textOf(event: NotificationEvent): string {
  const failures = (event.failures ?? []).map((f) => `- ${f.service}: ${f.type}: ${f.message}`);
  const facts = factsOf(event).map(([label, value]) => `${label}: ${value}`);
  return [
    event.message,
    ...(failures.length > 0 ? ['', 'What failed:', ...failures] : []),
    '',
    ...facts,
  ].join('\n');
}
