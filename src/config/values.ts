import { Cron } from 'croner';
import { IANAZone } from 'luxon';
import ms from 'ms';
import { z } from 'zod';
import { NAME } from '../model/names.ts';

const SIZE_UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Milliseconds of a text like `90s`, `6h` or `2d`; undefined when it is no duration. A unit is needed. */
export function parseDuration(text: string): number | undefined {
  if (!/^\s*\d+(\.\d+)?\s*[a-z]+\s*$/i.test(text)) return undefined;
  try {
    const value = ms(text.trim() as ms.StringValue);
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of a text like `16MiB`, `500GB` or `1024B`; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? ''];
  return match && unit ? Math.round(Number(match[1]) * unit) : undefined;
}

/** The address of a server. A login in it would show wherever the address is shown, so it has fields of its own. */
export const address = (example: string, protocol = /^https?$/) =>
  z
    .url({ protocol, error: `must be a URL such as ${example}` })
    .refine((url) => !/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(url), {
      message: 'must not hold a login: give user and key in their own fields, where they are kept secret',
    });

/** A duration in the file (`90s`, `6h`, `2d`); milliseconds once it is read. */
export const duration = (bounds: { min: string; max: string }) =>
  z
    .string({ error: `must be a duration such as 90s, 6h or 2d, from ${bounds.min} to ${bounds.max}` })
    .transform((text, context) => {
      const value = parseDuration(text);
      const [min, max] = [parseDuration(bounds.min) ?? 0, parseDuration(bounds.max) ?? Infinity];
      if (value !== undefined && value >= min && value <= max) return value;
      context.addIssue({
        code: 'custom',
        message: `"${text}" must be a duration such as 90s, 6h or 2d, from ${bounds.min} to ${bounds.max}`,
      });
      return z.NEVER;
    });

/** A size in the file (`16MiB`, `200GB`); bytes once it is read. */
export const size = (bounds: { min: string; max?: string }) => {
  const accepted = `a size such as 16MiB or 200GB, at least ${bounds.min}${bounds.max ? ` and at most ${bounds.max}` : ''}`;
  return z.string({ error: `must be ${accepted}` }).transform((text, context) => {
    const value = parseSize(text);
    const max = bounds.max === undefined ? Infinity : (parseSize(bounds.max) ?? Infinity);
    if (value !== undefined && value >= (parseSize(bounds.min) ?? 0) && value <= max) return value;
    context.addIssue({ code: 'custom', message: `"${text}" must be ${accepted}` });
    return z.NEVER;
  });
};

/** {@link NAME} as a schema. */
export const name = z
  .string()
  .regex(NAME, 'must be a name of at most 63 letters, digits and . _ - that does not begin with . or -');

/** A time zone of the IANA list, for example `Europe/Berlin`. */
export const timezone = z.string().refine((zone) => IANAZone.isValidZone(zone), {
  error: (issue) =>
    `"${String(issue.input)}" is not a time zone that exists: use a name of the IANA list, such as UTC or Europe/Berlin`,
});

const CRON_FIELD =
  /^(\*|[0-9]+|[A-Za-z]{3})(-([0-9]+|[A-Za-z]{3}))?(\/[0-9]+)?(,(\*|[0-9]+|[A-Za-z]{3})(-([0-9]+|[A-Za-z]{3}))?(\/[0-9]+)?)*$/;
const NICKNAMES = ['@hourly', '@daily', '@weekly', '@monthly', '@yearly'];

/** Why a cron expression is refused; undefined when it is fine. `extended`: with fields for seconds and years. */
export function cronProblem(expression: string, extended = false): string | undefined {
  const fields = expression.trim().split(/\s+/);
  if (
    !extended &&
    !NICKNAMES.includes(expression) &&
    (fields.length !== 5 || !fields.every((f) => CRON_FIELD.test(f)))
  ) {
    return `"${expression}" is not a cron expression: give minute, hour, day of month, month and day of week, such as "30 3 * * *", or one of ${NICKNAMES.join(', ')}`;
  }
  try {
    return nextRuns(expression, 'UTC', 1).length === 0 ? `"${expression}" never fires` : undefined;
  } catch (error) {
    return `"${expression}" is not a cron expression: ${(error as Error).message.replace(/^CronPattern: /, '')}`;
  }
}

/** The next times of a cron expression as Temporal reads it: both the day of the month and of the week have to match. */
export function nextRuns(expression: string, zone: string, count: number, from = new Date()): Date[] {
  return new Cron(expression, { timezone: zone, domAndDow: true }).nextRuns(count, from);
}

/** A cron expression that fires at some time. */
export const cron = z.string().superRefine((expression, context) => {
  const problem = cronProblem(expression);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});
