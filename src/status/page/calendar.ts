import { DateTime } from 'luxon';
import type { DayView } from '../snapshot.ts';
import { type Html, html } from './html.ts';

const CELL = 15;
const STEP = 18;
const LEFT = 34;
const TOP = 18;

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

function describe(day: DayView): string {
  const parts = [
    day.ok > 0 && `${day.ok} good`,
    day.partial > 0 && `${day.partial} incomplete`,
    day.failed > 0 && `${day.failed} failed`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? 'no run' : parts.join(', ');
}

/** The worst that happened on a day decides its look. */
const lookOf = (day: DayView): 'none' | 'ok' | 'partial' | 'failed' =>
  day.failed > 0 ? 'failed' : day.partial > 0 ? 'partial' : day.ok > 0 ? 'ok' : 'none';

// Shape as well as colour, for eyes that tell the colours badly.
const MARKS: Record<string, (x: number, y: number) => Html | null> = {
  ok: () => null,
  none: () => null,
  partial: (x, y) => html`<path class="mark" d="M${x + 4} ${y + 7.5}h7"/>`,
  failed: (x, y) => html`<path class="mark" d="M${x + 4.5} ${y + 4.5}l6 6m0-6l-6 6"/>`,
};

/** Runs by day, a column a week, as a picture with a title for each day. */
export function calendar(days: readonly DayView[], id: string): Html {
  const first = DateTime.fromISO(days[0]?.date ?? '1970-01-05', { zone: 'utc' });
  const weekOf = (index: number): number => Math.floor((first.weekday - 1 + index) / 7);
  const dayOf = (index: number): number => (first.weekday - 1 + index) % 7;
  const weeks = weekOf(days.length - 1) + 1;
  const months: Html[] = [];
  const cells = days.map((day, index) => {
    const x = LEFT + weekOf(index) * STEP;
    const y = TOP + dayOf(index) * STEP;
    const date = first.plus({ days: index });
    // A label needs room for itself: not in the last column, and not beside the first one's.
    if (date.day <= 7 && dayOf(index) === 0 && weekOf(index) < weeks - 1) {
      months.push(html`<text x="${x}" y="11">${date.toFormat('LLL')}</text>`);
    }
    const look = lookOf(day);
    const today = index === days.length - 1;
    return html`<g><title>${date.toFormat('ccc d LLL yyyy')}: ${describe(day)}</title><rect class="day ${look}${today ? ' today' : ''}" x="${x}" y="${y}" width="${CELL}" height="${CELL}" rx="3"/>${MARKS[look]?.(x, y)}</g>`;
  });
  const sum = (look: string): number => days.filter((day) => lookOf(day) === look).length;
  const summary = `Of the last ${days.length} days, ${count(sum('ok'), 'has', 'have')} only good runs, ${sum('partial')} an incomplete one, ${sum('failed')} a failed one and ${sum('none')} none.`;
  return html`<svg class="calendar" viewBox="0 0 ${LEFT + weeks * STEP} ${TOP + 7 * STEP}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">Runs by day</title><desc id="${id}-d">${summary}</desc>
<g class="axis">${months}${['Mon', 'Wed', 'Fri'].map((name, index) => html`<text x="0" y="${TOP + index * 2 * STEP + 11.5}">${name}</text>`)}</g>
${cells}
</svg>`;
}

const SWATCHES = [
  ['ok', 'good'],
  ['partial', 'incomplete'],
  ['failed', 'failed'],
  ['none', 'no run'],
] as const;

/** What the looks mean. */
export const calendarLegend: Html = html`<ul class="legend">${SWATCHES.map(
  ([look, name]) =>
    html`<li><svg viewBox="0 0 15 15" width="13" height="13" aria-hidden="true"><rect class="day ${look}" x=".5" y=".5" width="14" height="14" rx="3"/>${MARKS[look]?.(0, 0)}</svg>${name}</li>`,
)}</ul>`;
