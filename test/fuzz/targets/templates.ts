import fc from 'fast-check';
import {
  NOTIFICATION_KINDS,
  type NotificationEvent,
  redactNotification,
  sampleNotification,
} from '../../../src/model/notification.ts';
import {
  renderTemplate,
  type TemplatePlace,
  templateProblems,
} from '../../../src/model/notification-template.ts';
import { HOSTILE_TEXTS, hostileValue } from '../mutations.ts';
import { target } from '../target.ts';

const PIECES = [
  ...[
    '{{title}}',
    '{{{message}}}',
    '{{&set}}',
    '{{#services}}',
    '{{/services}}',
    '{{^failures}}',
    '{{#failures}}',
  ],
  ...[
    '{{/failures}}',
    '{{.}}',
    '{{> a}}',
    '{{! a }}',
    '{{=<% %>=}}',
    '<%title%>',
    '{{',
    '}}',
    '{{#',
    '{{constructor}}',
  ],
  ...[
    '{{__proto__}}',
    '{{service.constructor}}',
    '{"text": "',
    '"}',
    '{{#trouble}}',
    '{{/trouble}}',
    '\r\n',
    '{{toString}}',
  ],
];

/** A list within itself, again and again: the text doubles at each. */
const GROWING = [5, 25, 60].map(
  (depth) => `${'{{#services}}'.repeat(depth)}x${'{{/services}}'.repeat(depth)}`,
);

const template = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 5 })))
      .map((all) => all.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...GROWING, '{{#a}}'.repeat(20_000), '{{#services}}'.repeat(20_000)),
  },
);

const event: fc.Arbitrary<NotificationEvent> = fc
  .tuple(
    fc.constantFrom(...NOTIFICATION_KINDS),
    fc.array(
      fc.tuple(fc.constantFrom('message', 'set', 'bytes', 'failures', 'more', '__proto__'), hostileValue),
      { maxLength: 3 },
    ),
    fc.array(fc.constantFrom(...HOSTILE_TEXTS), { minLength: 1, maxLength: 3 }),
  )
  .map(([kind, changes, services]) => ({ ...sampleNotification(kind), services, ...textsOf(changes) }));

/** As an event can come: its type holds, and what is in its texts is anybody's. */
const textsOf = (changes: [string, unknown][]): object =>
  Object.fromEntries(changes.filter(([key, value]) => key !== 'failures' && typeof value === 'string'));

export const TEMPLATES = target<{ template: string; place: TemplatePlace; event: NotificationEvent }>({
  name: 'templates',
  what: 'templates of notifications, and events with anything in their texts: what the check takes renders, JSON stays JSON, a header one line',
  inputs: () => fc.record({ template, place: fc.constantFrom('json', 'html', 'text', 'header'), event }),
  read({ template: text, place, event: told }) {
    const problems = templateProblems({ template: text, place });
    for (const problem of problems) {
      if (problem.split(' ').length < 3) throw new Error(`The problem "${problem}" says too little.`);
    }
    if (problems.length > 0) return 'refused';
    const rendered = renderTemplate(text, redactNotification(told), place);
    if (place === 'json') JSON.parse(rendered);
    const lines = (one: string) => one.split(/[\r\n]/).length;
    if (place === 'header' && lines(rendered) > lines(text)) throw new Error('A value has split the header.');
    return 'taken';
  },
});
