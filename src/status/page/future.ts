import { DateTime } from 'luxon';
import { HORIZON_DAYS, type RetentionOutlook, type SetOutlook } from '../retention-outlook.ts';
import { type Html, html } from './html.ts';
import { bytes, limit, type PageContext, when } from './words.ts';

/** More rows than this are only in the table. */
const MOST_ROWS = 30;
const WIDTH = 960;
const ROW = 10;
const TOP = 22;
const LEFT = 10;
const RIGHT = 10;
const DAY = 86_400_000;

/** What retention does with each set, as a picture of lives and as a table. */
export function future(context: PageContext, outlook: RetentionOutlook, name: string, id: string): Html {
  if (outlook.sets.length === 0) return html`<p class="empty">There are no sets.</p>`;
  const leaving = outlook.sets.filter(({ leavesInDays }) => leavesInDays === 0).length;
  const pace =
    outlook.everyMs === null
      ? 'There are too few sets to look ahead.'
      : `Looks ahead ${HORIZON_DAYS.at(-1)} days, as if a good set were made every ${limit(outlook.everyMs)} as lately.`;
  return html`<p class="sentence">${leaving === 0 ? 'The next pruning takes nothing.' : `The next pruning takes ${leaving} ${leaving === 1 ? 'set' : 'sets'}.`} ${pace}</p>
<div class="scroll" tabindex="0" role="region" aria-label="How long each set of ${name} stays">${picture(context, outlook.sets.slice(0, MOST_ROWS), id)}</div>
<ul class="legend"><li><span class="keys stay"></span>stays beyond</li><li><span class="keys leave"></span>leaves in time</li><li><span class="keys gone"></span>leaves with the next pruning</li></ul>
<details><summary>Each set and why it stays</summary>${table(context, outlook, name)}</details>`;
}

function picture(context: PageContext, sets: readonly SetOutlook[], id: string): Html {
  const now = context.now.getTime();
  const oldest = Math.min(...sets.map(({ createdAt }) => Date.parse(createdAt)));
  // The past gets at most as much room as the future, however old the oldest set is.
  const from = Math.max(oldest, now - 120 * DAY) - DAY;
  const to = now + (HORIZON_DAYS.at(-1) ?? 90) * DAY;
  const x = (at: number): string =>
    (LEFT + ((Math.max(at, from) - from) / (to - from)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const height = TOP + sets.length * ROW + 6;
  const rows = sets.map((set, index) => {
    const y = TOP + index * ROW + ROW / 2;
    const begins = Date.parse(set.createdAt);
    const ends = set.leavesInDays === null ? to : now + set.leavesInDays * DAY;
    const how = set.leavesInDays === null ? 'stay' : set.leavesInDays === 0 ? 'gone' : 'leave';
    return html`<g><title>${set.set}: ${lifeOf(set)}</title><path class="${how}" d="M${x(begins)} ${y}H${x(ends)}"/><circle cx="${x(begins)}" cy="${y}" r="2.6"/></g>`;
  });
  const label = (at: number, text: string, anchor: string) =>
    html`<text x="${x(at)}" y="11" text-anchor="${anchor}">${text}</text>`;
  const day = (at: number) => DateTime.fromMillis(at, { zone: context.zone }).toFormat('d LLL yyyy');
  return html`<svg class="future" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t"><title id="${id}-t">How long each set stays; the table below says the same.</title>
${label(from, day(from), 'start')}${label(now, 'now', 'middle')}${label(to, day(to), 'end')}
<path class="now" d="M${x(now)} ${TOP - 4}V${height}"/>${rows}</svg>`;
}

function lifeOf(set: SetOutlook): string {
  if (set.leavesInDays === 0) return `leaves with the next pruning: ${set.leavesBecause ?? ''}`;
  if (set.leavesInDays === null) return `stays: ${set.reasons.join(', ')}`;
  return `leaves within ${set.leavesInDays} ${set.leavesInDays === 1 ? 'day' : 'days'}; stays today: ${set.reasons.join(', ')}`;
}

function table(context: PageContext, outlook: RetentionOutlook, name: string): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table: sets and retention of ${name}"><table>
<thead><tr><th scope="col">Set</th><th scope="col">Taken</th><th scope="col">Services</th><th scope="col" class="number">Size</th><th scope="col">What becomes of it</th></tr></thead>
<tbody>${outlook.sets.map(
    (set) =>
      html`<tr><td><code>${set.set}</code></td><td>${when(context, set.createdAt)}</td><td>${set.services.join(', ')}${set.state === 'partial' && ' (incomplete)'}</td><td class="number">${bytes(set.bytes)}</td><td>${lifeOf(set)}</td></tr>`,
  )}</tbody></table></div>${outlook.more > 0 && html`<p class="empty">And ${outlook.more} older sets.</p>`}`;
}
