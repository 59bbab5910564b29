import { DateTime } from 'luxon';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import { type Html, html } from './html.ts';

/** What all parts of one page share. */
export interface PageContext {
  now: Date;
  /** IANA name. */
  zone: string;
}

/** A span for people, with at most two units: `3h 12m`, `2d 4h`. */
export function span(milliseconds: number): string {
  if (milliseconds < 1000) return `${(milliseconds / 1000).toFixed(milliseconds < 100 ? 2 : 1)}s`;
  return prettyMs(milliseconds, { unitCount: 2, secondsDecimalDigits: milliseconds < 10_000 ? 1 : 0 });
}

/** A span that somebody configured, in the unit in which they think: `26h`, `8d`. */
export function limit(milliseconds: number): string {
  const hours = milliseconds / 3_600_000;
  return Number.isInteger(hours) && hours < 72 ? `${hours}h` : span(milliseconds);
}

export const bytes = (count: number): string => prettyBytes(count, { maximumFractionDigits: 1 });

/** `3h 12m ago`, `in 5h`. */
export function relative(context: PageContext, at: string): string {
  const off = Date.parse(at) - context.now.getTime();
  if (Math.abs(off) < 45_000) return 'just now';
  const words = prettyMs(Math.abs(off), {
    unitCount: Math.abs(off) < 86_400_000 ? 2 : 1,
    secondsDecimalDigits: 0,
  });
  return off < 0 ? `${words} ago` : `in ${words}`;
}

/** `2026-01-31 03:04`, in the page's zone. */
export const absolute = (context: PageContext, at: string): string =>
  DateTime.fromISO(at, { zone: context.zone }).toFormat('yyyy-MM-dd HH:mm');

/** A time as a relative text with the absolute one behind it. */
export const when = (context: PageContext, at: string): Html =>
  html`<time datetime="${at}" title="${absolute(context, at)} ${context.zone}">${relative(context, at)}</time>`;
