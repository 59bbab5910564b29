import type { Known, RepositorySummary, RunOutcomeView, RunView, ScheduleView } from '../snapshot.ts';
import { type Html, html } from './html.ts';
import { toneIcon } from './icons.ts';
import { bytes, type PageContext, relative, span, when } from './words.ts';

const OUTCOMES: Record<RunOutcomeView, ['good' | 'warn' | 'bad' | 'unknown', string]> = {
  ok: ['good', 'done'],
  partial: ['warn', 'incomplete'],
  failed: ['bad', 'failed'],
  cancelled: ['unknown', 'cancelled'],
  running: ['unknown', 'running'],
};

/** Rows that are shown at once, and those behind a click. */
const FIRST_RUNS = 10;
const MOST_RUNS = 100;

const scroll = (label: string, table: Html): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="Table: ${label}">${table}</div>`;

type LinkTo = (workflowId: string, runId: string, text: string) => Html;

/** The runs, newest first. */
export function runsCard(context: PageContext, runs: Known<RunView[]>, linkTo: LinkTo): Html {
  const rows = (some: readonly RunView[]) =>
    html`<table><thead><tr><th scope="col">Started</th><th scope="col">Operation</th><th scope="col">Services</th><th scope="col">Outcome</th><th scope="col" class="number">Took</th><th scope="col">Workflow</th></tr></thead>
<tbody>${some.map((run) => runRow(context, run, linkTo))}</tbody></table>`;
  const body = !runs.known
    ? html`<p class="empty">${runs.why}</p>`
    : runs.value.length === 0
      ? html`<p class="empty">Nothing ran in the last weeks.</p>`
      : html`${scroll('Runs', rows(runs.value.slice(0, FIRST_RUNS)))}${
          runs.value.length > FIRST_RUNS &&
          html`<details><summary>Older runs</summary>${scroll('Older runs', rows(runs.value.slice(FIRST_RUNS, MOST_RUNS)))}</details>`
        }`;
  return html`<section class="card" id="runs" aria-labelledby="runs-h"><h2 id="runs-h">Runs</h2>${body}</section>`;
}

function runRow(context: PageContext, run: RunView, linkTo: LinkTo): Html {
  const [tone, text] = OUTCOMES[run.outcome];
  const end = run.finishedAt ? Date.parse(run.finishedAt) : context.now.getTime();
  return html`<tr><td>${when(context, run.startedAt)}</td><td>${run.operation}</td><td>${run.services.join(', ') || 'all'}</td><td><span class="pill ${tone}">${toneIcon(tone)}${text}</span></td><td class="number">${span(Math.max(0, end - Date.parse(run.startedAt)))}</td><td>${linkTo(run.workflowId, run.runId, run.workflowId)}</td></tr>`;
}

/** Where the sets are. */
export function repositoriesCard(context: PageContext, repositories: readonly RepositorySummary[]): Html {
  const rows = repositories.map((repository) => {
    const ok = repository.error === undefined;
    const never = repository.readAt === null;
    const state = html`<span class="pill ${ok ? 'good' : 'bad'}">${toneIcon(ok ? 'good' : 'bad')}${ok ? 'readable' : 'not readable'}</span>`;
    const number = (value: Html | string | number) =>
      html`<td class="number">${never ? 'not known' : value}</td>`;
    const trouble = [
      repository.partial > 0 && `${repository.partial} incomplete`,
      repository.unreadable.length > 0 && `${repository.unreadable.length} unreadable`,
      repository.held > 0 && `${repository.held} held`,
      repository.leaving > 0 && `${repository.leaving} leaving`,
    ].filter((part) => part !== false);
    return html`<tr><th scope="row">${repository.name}</th><td><code>${repository.location}</code>${!ok && html`<div class="sentence">${repository.error}</div>`}</td><td>${state}</td>${number(html`${repository.sets}${trouble.length > 0 && html`<div class="sentence">${trouble.join(', ')}</div>`}`)}${number(bytes(repository.bytes))}${number(repository.freeBytes === null ? '–' : bytes(repository.freeBytes))}<td class="quiet">${repository.readAt === null ? 'never' : when(context, repository.readAt)}</td></tr>`;
  });
  const table = html`<table><thead><tr><th scope="col">Name</th><th scope="col">Place</th><th scope="col">State</th><th scope="col" class="number">Sets</th><th scope="col" class="number">Stored</th><th scope="col" class="number">Free</th><th scope="col">Read</th></tr></thead><tbody>${rows}</tbody></table>`;
  return html`<section class="card" id="repositories" aria-labelledby="repositories-h"><h2 id="repositories-h">Repositories</h2>${
    repositories.length === 0
      ? html`<p class="empty">None could be looked at yet.</p>`
      : scroll('Repositories', table)
  }</section>`;
}

/** What runs by itself. */
export function schedulesCard(context: PageContext, schedules: Known<ScheduleView[]>): Html {
  const rows = (some: readonly ScheduleView[]) =>
    some.map(
      (schedule) =>
        html`<tr><th scope="row">${schedule.id}</th><td>${schedule.operation}</td><td>${nextOf(context, schedule)}</td></tr>`,
    );
  const body = !schedules.known
    ? html`<p class="empty">${schedules.why}</p>`
    : schedules.value.length === 0
      ? html`<p class="empty">There are no schedules: nothing runs by itself.</p>`
      : scroll(
          'Schedules',
          html`<table><thead><tr><th scope="col">Schedule</th><th scope="col">Starts</th><th scope="col">Next</th></tr></thead><tbody>${rows(schedules.value)}</tbody></table>`,
        );
  return html`<section class="card" id="schedules" aria-labelledby="schedules-h"><h2 id="schedules-h">Schedules</h2>${body}</section>`;
}

function nextOf(context: PageContext, schedule: ScheduleView): Html {
  if (schedule.paused) {
    return html`<span class="pill warn">${toneIcon('warn')}paused</span>${schedule.note && html` <span class="sentence">${schedule.note}</span>`}`;
  }
  return schedule.nextAt === null ? html`no further run` : when(context, schedule.nextAt);
}

/** Who does the work. */
export function workersNotice(context: PageContext, workers: Known<string[]>, takenAt: string): Html | null {
  if (!workers.known || workers.value.length > 0) return null;
  return html`<p class="notice" role="status">No worker asked Temporal for work in the last minutes (as of ${relative(context, takenAt)}): nothing will run until one does.</p>`;
}
