import Mustache from 'mustache';
import {
  isTrouble,
  NOTIFICATION_KINDS,
  type NotificationEvent,
  sampleNotification,
  titleOf,
} from './notification.ts';

/** What a template's values are escaped for. */
export type TemplatePlace = 'json' | 'html' | 'text' | 'header';

/** A template of a channel, and where it stands in the configuration. */
export interface TemplateAt {
  /** Keys from the top of the file on: `notifications`, `ops`, `body`. */
  path: string[];
  template: string;
  place: TemplatePlace;
}

const FIELDS = [
  'kind',
  'title',
  'operation',
  'service',
  'services',
  'message',
  'at',
  'set',
  'workflowId',
  'runId',
  'startedAt',
  'finishedAt',
  'bytes',
  'failures',
  'trouble',
];
const LISTS: Record<string, string[]> = { services: ['.'], failures: ['service', 'type', 'message'] };

const ESCAPES: Record<TemplatePlace, (value: unknown) => string> = {
  json: (value) => JSON.stringify(String(value)).slice(1, -1),
  html: (value) => Mustache.escape(String(value)),
  text: (value) => String(value),
  // A header holds one line of printable ASCII; anything else could split it.
  header: (value) => String(value).replace(/[^\x20-\x7e]+/g, ' '),
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_A_HEADER = /[\x00-\x1f\x7f]+|[^\x00-\xff]+/g;

/** What values are escaped for in a body of this type. */
export function placeOf(contentType: string): TemplatePlace {
  if (/[/+]json\b/i.test(contentType)) return 'json';
  return /\b(html|xml)\b|\+xml/i.test(contentType) ? 'html' : 'text';
}

/** Everything that a template can name; what an event does not have is an empty text. */
function viewOf(event: NotificationEvent): Record<string, unknown> {
  const empty = Object.fromEntries(FIELDS.map((field) => [field, '']));
  return {
    ...empty,
    failures: [],
    ...event,
    title: titleOf(event),
    service: event.services.join(', '),
    trouble: isTrouble(event.kind),
  };
}

/** Fill in a template. Mustache has no code in templates, and no partial is ever loaded. */
export function renderTemplate(template: string, event: NotificationEvent, place: TemplatePlace): string {
  const text = Mustache.render(template, viewOf(event), {}, { escape: ESCAPES[place] });
  // `{{{message}}}` is not escaped, and no header could hold its lines.
  return place === 'header' ? text.replace(NOT_IN_A_HEADER, ' ') : text;
}

type Token = [string, string, number, number, Token[]?, ...unknown[]];

function* problemsIn(tokens: Token[], known: string[], within: readonly string[] = []): Generator<string> {
  for (const [type, value, , , inner] of tokens) {
    if (type === 'text' || type === '!' || type === '=') continue;
    if (type === '>') {
      yield `{{> ${value}}} is a partial, and there are none`;
      continue;
    }
    if (!known.includes(value)) {
      yield `{{${value}}} is not known; there are ${known.join(', ')}`;
      continue;
    }
    if (!inner) continue;
    // A list within itself would make the text grow with each.
    if (within.includes(value))
      yield `{{${type}${value}}} stands within itself: close it first with {{/${value}}}`;
    else {
      const more = type === '#' ? (LISTS[value] ?? []) : [];
      yield* problemsIn(inner, [...new Set([...more, ...known])], [...within, value]);
    }
  }
}

/** Why a template can not be used; empty when it can. Tries every kind of event, with all fields and with the fewest. */
export function templateProblems({ template, place }: Omit<TemplateAt, 'path'>): string[] {
  let tokens: Token[];
  try {
    tokens = Mustache.parse(template) as unknown as Token[];
  } catch (error) {
    return [`does not render: ${(error as Error).message}`];
  }
  const problems = [...new Set(problemsIn(tokens, FIELDS))];
  if (problems.length > 0 || place !== 'json') return problems;
  for (const kind of NOTIFICATION_KINDS) {
    const full = sampleNotification(kind);
    const { operation, services, message, at } = full;
    for (const event of [full, { kind, operation, services, message, at }]) {
      const text = renderTemplate(template, event, place);
      try {
        JSON.parse(text);
      } catch (error) {
        return [`does not make JSON of a "${kind}" event: ${(error as Error).message}`];
      }
    }
  }
  return [];
}

/** Every template that does not render, with its place; pure, for `config check`. */
export function checkTemplates(templates: readonly TemplateAt[]): { path: string[]; problem: string }[] {
  return templates.flatMap(({ path, ...rest }) =>
    templateProblems(rest).map((problem) => ({ path, problem })),
  );
}
