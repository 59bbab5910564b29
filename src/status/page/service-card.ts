import { DAYS } from '../build-snapshot.ts';
import type { ServiceView, Standing } from '../snapshot.ts';
import { calendar, calendarLegend } from './calendar.ts';
import { gauge } from './gauge.ts';
import { type Html, html } from './html.ts';
import { TONES, toneIcon } from './icons.ts';
import { plot } from './plot.ts';
import { bytes, limit, type PageContext, relative, span, when } from './words.ts';

const STANDINGS: Record<Standing, string> = {
  good: 'within objective',
  stale: 'overdue',
  none: 'no good set',
  'drill-failed': 'drill failed',
  unknown: 'not known',
};

export const standingPill = (standing: Standing): Html =>
  html`<span class="pill ${TONES[standing]}">${toneIcon(TONES[standing])}${STANDINGS[standing]}</span>`;

type LinkTo = (workflowId: string, runId: string, text: string) => Html;

/** One service: how it stands, since when, and how it went. */
export function serviceCard(context: PageContext, service: ServiceView, index: number, linkTo: LinkTo): Html {
  const id = `service-${index}`;
  return html`<section class="card" id="${id}" aria-labelledby="${id}-h">
<div class="head"><h2 id="${id}-h">${service.name}</h2><span class="kind">${service.kind}</span>${standingPill(service.standing)}</div>
<p class="sentence">${service.sentence}</p>
<dl class="facts">
${lastGoodFact(context, service, linkTo)}
${lastVerifiedFact(context, service)}
${drillFact(context, service)}
${sizeFact(service)}
</dl>
<div class="pictures">
<figure><h3>Runs by day</h3>${calendar(service.days, `${id}-days`)}${calendarLegend}</figure>
${plots(context, service, id)}
</div>
</section>`;
}

const fact = (name: string, big: Html | string, tone: string, ...more: (Html | string | false)[]): Html =>
  html`<div><dt>${name}</dt><dd><div class="big ${tone}">${big}</div>${more.map((line) => line && html`<div class="more">${line}</div>`)}</dd></div>`;

function lastGoodFact(context: PageContext, service: ServiceView, linkTo: LinkTo): Html {
  const good = service.lastGood;
  if (!good) {
    const text = service.standing === 'unknown' ? 'not known' : 'none';
    return fact(
      'Last good set',
      text,
      service.standing === 'unknown' ? 'faint' : 'bad',
      `objective ${limit(service.rpoMs)}`,
    );
  }
  const age = Math.max(0, context.now.getTime() - Date.parse(good.createdAt));
  return fact(
    'Last good set',
    when(context, good.createdAt),
    age > service.rpoMs ? 'bad' : '',
    gauge(age, service.rpoMs),
    html`objective ${limit(service.rpoMs)} · in ${good.repositories.join(', ')}`,
    linkTo(good.workflowId, good.runId, good.set),
  );
}

function lastVerifiedFact(context: PageContext, service: ServiceView): Html {
  const verified = service.lastVerified;
  if (!verified) {
    const text = service.standing === 'unknown' ? 'not known' : 'never';
    return fact('Last verified set', text, 'faint', 'Verify or drill a set to know that it can be restored.');
  }
  const late =
    service.verifiedWithinMs !== undefined &&
    context.now.getTime() - Date.parse(verified.at) > service.verifiedWithinMs;
  return fact(
    'Last verified set',
    when(context, verified.at),
    late ? 'warn' : '',
    service.verifiedWithinMs !== undefined && `objective ${limit(service.verifiedWithinMs)}`,
    `${verified.kind === 'drill' ? 'by a restore drill' : 'by its checksums'}, data ${relative(context, verified.createdAt)}`,
    html`<code>${verified.set}</code>`,
  );
}

function drillFact(context: PageContext, service: ServiceView): Html {
  const drill = service.lastDrill;
  if (!drill) {
    const text = service.standing === 'unknown' ? 'not known' : 'never';
    return fact('Restore drill', text, 'faint', 'How long a restore takes is not known.');
  }
  const objective = service.rtoMs;
  const late = drill.seconds !== undefined && objective !== undefined && drill.seconds * 1000 > objective;
  const took = drill.seconds === undefined ? 'passed' : span(drill.seconds * 1000);
  return fact(
    'Restore drill',
    drill.ok ? took : 'failed',
    drill.ok ? (late ? 'warn' : '') : 'bad',
    html`${when(context, drill.at)}${objective !== undefined && `, objective ${limit(objective)}`}`,
    html`<code>${drill.set}</code>`,
  );
}

function sizeFact(service: ServiceView): Html {
  const last = service.history.at(-1);
  if (!last) return fact('Newest set', '–', 'faint', `No set in the last ${DAYS} days.`);
  const waited = [
    service.kind === 'neo4j' && `offline ${span(last.offlineSeconds * 1000)}`,
    last.frozenSeconds > 0 && `frozen ${span(last.frozenSeconds * 1000)}`,
  ].filter((part) => part !== false);
  return fact(
    'Newest set',
    bytes(last.bytes),
    '',
    `taken in ${span(last.durationSeconds * 1000)}`,
    waited.length > 0 && waited.join(', '),
  );
}

function plots(context: PageContext, service: ServiceView, id: string): Html {
  const from = new Date(context.now.getTime() - DAYS * 86_400_000);
  const seconds = (value: number): string => span(value * 1000);
  const points = (of: (point: ServiceView['history'][number]) => number) =>
    service.history.map((point) => ({ at: point.at, value: of(point), label: point.set }));
  const windows = points(({ offlineSeconds, frozenSeconds }) => offlineSeconds + frozenSeconds);
  const size = plot(
    context,
    points((p) => p.bytes),
    { id: `${id}-size`, title: 'Size', kind: 'area', format: bytes, scale: 'bytes', from },
  );
  const duration = plot(
    context,
    points((p) => p.durationSeconds),
    { id: `${id}-time`, title: 'Duration', kind: 'bars', format: seconds, scale: 'seconds', from },
  );
  const offline =
    service.kind === 'neo4j'
      ? plot(context, windows, {
          id: `${id}-off`,
          title: 'Time in which clients had to wait',
          kind: 'bars',
          format: seconds,
          scale: 'seconds',
          from,
        })
      : html`<p class="empty">A Qdrant server answers all the time.</p>`;
  return html`<figure><h3>Size</h3>${size}</figure>
<figure><h3>Duration</h3>${duration}</figure>
<figure><h3>Offline or frozen</h3>${offline}</figure>`;
}
