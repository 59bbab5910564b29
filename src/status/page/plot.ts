import { DateTime } from 'luxon';
import { type Html, html } from './html.ts';
import type { PageContext } from './words.ts';

/** One value at a time. */
export interface PlotPoint {
  at: string;
  value: number;
  /** What it is of: the set. */
  label: string;
}

export interface PlotOptions {
  id: string;
  title: string;
  kind: 'area' | 'bars';
  /** A value for people. */
  format: (value: number) => string;
  /** Steps that make good ticks: decimal, or those of time. */
  scale: 'bytes' | 'seconds';
  /** The plot begins here. */
  from: Date;
}

const WIDTH = 280;
const HEIGHT = 138;
const LEFT = 4;
const RIGHT = 50;
const TOP = 10;
const BOTTOM = 22;

/** More points than this are joined, the largest of each piece standing for it: no screen shows more. */
const MOST_POINTS = 120;

/** Values over time as a small picture with a title for each point; says so when there are none. */
export function plot(context: PageContext, points: readonly PlotPoint[], options: PlotOptions): Html {
  if (points.length === 0) return html`<p class="empty">Nothing to plot yet.</p>`;
  const [from, to] = [options.from.getTime(), context.now.getTime()];
  const top = niceTop(Math.max(...points.map(({ value }) => value)), options.scale);
  const x = (at: string): number =>
    LEFT + ((Date.parse(at) - from) / Math.max(1, to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const shown = joined(points, from, to);
  const latest = points.at(-1)!;
  const largest = points.reduce((most, point) => (point.value > most.value ? point : most));
  const summary = `${points.length} sets; the last one ${options.format(latest.value)}, the largest ${options.format(largest.value)}.`;
  const marks = options.kind === 'area' ? areaMarks(shown, x, y) : barMarks(shown, x, y);
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${options.id}-t ${options.id}-d">
<title id="${options.id}-t">${options.title}</title><desc id="${options.id}-d">${summary}</desc>
<g class="axis">${[0, 0.5, 1].map((part) => yTick(part * top, y, options.format))}${xTicks(context, from, to, x)}</g>
${marks}
${shown.map((point) => hit(context, point, x, shown.length, options.format))}
</svg>`;
}

const px = (value: number): string => value.toFixed(1);

function areaMarks(
  points: readonly PlotPoint[],
  x: (at: string) => number,
  y: (value: number) => number,
): Html {
  const line = points.map(({ at, value }) => `${px(x(at))} ${px(y(value))}`).join('L');
  const [first, last] = [points[0]!, points.at(-1)!];
  return html`<path class="area" d="M${px(x(first.at))} ${px(y(0))}L${line}L${px(x(last.at))} ${px(y(0))}Z"/><path class="line" d="M${line}"/><circle class="dot" cx="${px(x(last.at))}" cy="${px(y(last.value))}" r="3.2"/>`;
}

function barMarks(
  points: readonly PlotPoint[],
  x: (at: string) => number,
  y: (value: number) => number,
): Html {
  const width = Math.min(6, Math.max(1.2, ((WIDTH - LEFT - RIGHT) / Math.max(points.length, 30)) * 0.62));
  return html`<g class="bars">${points.map(({ at, value }) => {
    const height = Math.max(value > 0 ? 1 : 0, y(0) - y(value));
    return html`<rect x="${px(x(at) - width / 2)}" y="${px(y(0) - height)}" width="${px(width)}" height="${px(height)}" rx="${px(Math.min(1.5, width / 2))}"/>`;
  })}</g>`;
}

/** A column that nobody sees and a pointer finds, with what it stands for. */
function hit(
  context: PageContext,
  point: PlotPoint,
  x: (at: string) => number,
  count: number,
  format: (value: number) => string,
): Html {
  const width = Math.max(3, (WIDTH - LEFT - RIGHT) / count);
  const at = DateTime.fromISO(point.at, { zone: context.zone }).toFormat('d LLL HH:mm');
  return html`<rect class="hit" x="${px(x(point.at) - width / 2)}" y="${TOP}" width="${px(width)}" height="${HEIGHT - TOP - BOTTOM}"><title>${at}: ${format(point.value)} (${point.label})</title></rect>`;
}

function yTick(value: number, y: (value: number) => number, format: (value: number) => string): Html {
  const at = px(y(value));
  return html`<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text x="${WIDTH - RIGHT + 6}" y="${px(y(value) + 3.5)}">${value === 0 ? '0' : format(value)}</text>`;
}

function xTicks(context: PageContext, from: number, to: number, x: (at: string) => number): Html[] {
  return [0, 0.5, 1].map((part) => {
    const at = new Date(from + part * (to - from));
    const anchor = part === 0 ? 'start' : part === 1 ? 'end' : 'middle';
    const label = DateTime.fromJSDate(at, { zone: context.zone }).toFormat('d LLL');
    return html`<text x="${px(x(at.toISOString()))}" y="${HEIGHT - 6}" text-anchor="${anchor}">${label}</text>`;
  });
}

/** The smallest round value that is not below the largest one. */
function niceTop(largest: number, scale: PlotOptions['scale']): number {
  if (largest <= 0) return 1;
  if (scale === 'seconds') {
    const steps = [1, 2, 4, 10, 20, 30, 60, 120, 240, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400];
    const step = steps.find((each) => each >= largest);
    if (step !== undefined && largest > 0.5) return step;
  }
  const power = 10 ** Math.floor(Math.log10(largest));
  return ([1, 2, 3, 4, 6, 8, 10].find((step) => step * power >= largest) ?? 10) * power;
}

/** So many points that each has its own pixels: the largest of each piece of time. */
function joined(points: readonly PlotPoint[], from: number, to: number): PlotPoint[] {
  if (points.length <= MOST_POINTS) return [...points];
  const pieces = new Map<number, PlotPoint>();
  for (const point of points) {
    const piece = Math.floor(((Date.parse(point.at) - from) / (to - from)) * MOST_POINTS);
    const there = pieces.get(piece);
    if (!there || point.value >= there.value) pieces.set(piece, point);
  }
  return [...pieces.values()];
}
