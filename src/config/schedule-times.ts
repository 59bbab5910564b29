import { type Calendar, DAYS, MONTHS, type Timing } from '../model/schedule.ts';
import { nextRuns } from './values.ts';

const MINUTE = 60_000;
/** Starts that are looked at to find the longest gap. */
const RUNS = 60;

/** A calendar as a cron expression with seconds and year, for looking ahead; undefined when a field is malformed. */
export function calendarCron(calendar: Calendar | Record<string, unknown>): string | undefined {
  const fields = calendar as Record<string, unknown>;
  const parts = [
    part(fields.second ?? 0),
    part(fields.minute ?? 0),
    part(fields.hour ?? 0),
    part(fields.dayOfMonth ?? '*'),
    part(fields.month ?? '*'),
    part(fields.dayOfWeek ?? '*'),
    part(fields.year ?? '*'),
  ];
  return parts.includes(undefined) ? undefined : parts.join(' ');
}

/** The number of a month or a day of the week; a range of names would be read otherwise than Temporal reads it. */
function numberOf(name: string): string | undefined {
  const day = DAYS.indexOf(name);
  const month = MONTHS.indexOf(name);
  return day >= 0 ? String(day) : month >= 0 ? String(month + 1) : undefined;
}

function part(field: unknown): string | undefined {
  if (typeof field === 'number') return String(field);
  if (typeof field === 'string') return field === '*' ? '*' : numberOf(field);
  if (Array.isArray(field)) {
    // The server writes "every" as an empty list.
    if (field.length === 0) return '*';
    const parts = field.map(part);
    return parts.includes(undefined) ? undefined : parts.join(',');
  }
  if (typeof field !== 'object' || field === null) return undefined;
  const { start, end, step } = field as { start?: unknown; end?: unknown; step?: unknown };
  const from = part(start);
  const to = part(end ?? start);
  if (from === undefined || to === undefined) return undefined;
  return `${from}-${to}${typeof step === 'number' ? `/${step}` : ''}`;
}

/** The next starts (epoch milliseconds) by cron and calendar, without jitter; intervals are not among them. */
export function nextStarts(timing: Timing, zone: string, count: number, from: Date = new Date()): number[] {
  const expressions = [
    ...(timing.cron ?? []),
    ...(timing.calendar ?? []).map((one) => calendarCron(one) ?? ''),
  ];
  const times = expressions.flatMap((expression) =>
    nextRuns(expression, zone, count, from).map((date) => date.getTime()),
  );
  return [...new Set(times)].sort((a, b) => a - b).slice(0, count);
}

/**
 * The default catch-up window (milliseconds): the longest gap between two starts. Then one missed start is always caught up, and
 * of several the overlap policy `skip` lets one run. From a minute to a year.
 */
export function defaultCatchupWindow(timing: Timing, zone: string, now: Date = new Date()): number {
  const gaps = [
    ...(timing.cron ?? []).map((expression) => longestGap(expression, zone, now)),
    ...(timing.calendar ?? []).map((calendar) => longestGap(calendarCron(calendar) ?? '', zone, now)),
    ...(timing.every === undefined ? [] : [timing.every]),
  ];
  return Math.min(Math.max(MINUTE, ...gaps), 366 * 24 * 60 * MINUTE);
}

function longestGap(expression: string, zone: string, now: Date): number {
  const runs = nextRuns(expression, zone, RUNS, now).map((date) => date.getTime());
  const gaps = runs.slice(1).map((time, index) => time - (runs[index] as number));
  return Math.max(0, ...gaps);
}
