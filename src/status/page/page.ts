import type { StatusSnapshot } from '../snapshot.ts';
import { future } from './future.ts';
import { Html, html } from './html.ts';
import { FAVICON, LOGO, toneIcon } from './icons.ts';
import { serviceCard } from './service-card.ts';
import { STYLE } from './style.ts';
import { repositoriesCard, runsCard, schedulesCard, workersNotice } from './tables.ts';
import { absolute, type PageContext, relative, when } from './words.ts';

/** A snapshot older than this says so at the top (milliseconds). */
const OLD_MS = 10 * 60_000;

/** A whole document around a body. */
export const documentOf = (title: string, body: Html): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer"><title>${title}</title>
<link rel="icon" href="${FAVICON}"><style>${new Html(STYLE)}</style></head>
${body}</html>
`.text;

/** The page. `canLogOut`: somebody logged in to see it. */
export function statusPage(snapshot: StatusSnapshot, now: Date, options: { canLogOut: boolean }): string {
  const context: PageContext = { now, zone: snapshot.timezone };
  const { tone, title, detail } = verdictOf(snapshot);
  const body = html`<body><a class="skip" href="#main">To the services</a>
<header class="hero"><div class="wrap">
<div class="brand">${LOGO}<span>Lifeboat</span><span class="taken">as of <time datetime="${snapshot.takenAt}">${absolute(context, snapshot.takenAt)}</time><br>${snapshot.timezone}</span></div>
<div class="verdict ${tone}">${toneIcon(tone)}<div><h1>${title}</h1><p>${detail}</p></div></div>
<nav aria-label="Parts of the page">${snapshot.services.map(({ name }, index) => html`<a href="#service-${index}">${name}</a>`)}<a href="#runs">Runs</a><a href="#schedules">Schedules</a><a href="#repositories">Repositories</a><a href="#retention">Retention</a></nav>
</div></header>
<div class="wrap"><main id="main">
${noticesOf(context, snapshot)}
${snapshot.services.map((service, index) => serviceCard(context, service, index, linksOf(snapshot)))}
${runsCard(context, snapshot.runs, linksOf(snapshot))}
${schedulesCard(context, snapshot.schedules)}
${repositoriesCard(context, snapshot.repositories)}
${retentionCard(context, snapshot)}
</main><footer><span>Lifeboat ${snapshot.version}</span><a href="status.json">The same as JSON</a>${options.canLogOut && html`<form method="post" action="logout"><button>Log out</button></form>`}</footer></div></body>`;
  return documentOf(`${title} · Lifeboat`, body);
}

const listed = (names: string[]): string => new Intl.ListFormat('en').format(names);

type Tone = 'good' | 'warn' | 'bad' | 'unknown';

function verdictOf({ services }: StatusSnapshot): { tone: Tone; title: string; detail: string } {
  const named = (standings: string[]) =>
    services.filter(({ standing }) => standings.includes(standing)).map(({ name }) => name);
  const bad = named(['stale', 'none']);
  const drills = named(['drill-failed']);
  const blind = named(['unknown']);
  const all = services.length;
  if (all === 0) {
    return { tone: 'unknown', title: 'Nothing is protected', detail: 'No service is configured.' };
  }
  const good = named(['good', 'drill-failed']).length;
  const detail = `${good} of ${all} ${all === 1 ? 'service has' : 'services have'} a good set within the objective.`;
  const is = (some: string[]) => (some.length === 1 ? 'is' : 'are');
  if (bad.length > 0) return { tone: 'bad', title: `${listed(bad)} ${is(bad)} not safe`, detail };
  if (blind.length > 0) {
    return {
      tone: 'unknown',
      title: `Nobody knows how ${listed(blind)} ${blind.length === 1 ? 'stands' : 'stand'}`,
      detail,
    };
  }
  if (drills.length > 0) {
    return {
      tone: 'warn',
      title: `The restore drill of ${listed(drills)} failed`,
      detail: `${detail} Whether it can be restored is in doubt.`,
    };
  }
  return { tone: 'good', title: 'Everything is backed up', detail };
}

function noticesOf(context: PageContext, snapshot: StatusSnapshot): Html | null {
  const notice = (text: Html | string) => html`<p class="notice" role="status">${text}</p>`;
  const age = context.now.getTime() - Date.parse(snapshot.takenAt);
  const notices = [
    age > OLD_MS && notice(`What is shown here was last looked at ${relative(context, snapshot.takenAt)}.`),
    !snapshot.runs.known &&
      notice(html`${snapshot.runs.why} Runs that failed are missing from the calendars until it can.`),
    workersNotice(context, snapshot.workers, snapshot.takenAt),
    snapshot.repositories
      .filter(({ error }) => error !== undefined)
      .map(({ name, readAt }) =>
        notice(
          readAt === null
            ? `The repository ${name} could not be read: what it holds is not known.`
            : html`The repository ${name} can not be read now: what is shown of it is from ${when(context, readAt)}.`,
        ),
      ),
  ];
  return notices.flat().some(Boolean) ? html`<div>${notices}</div>` : null;
}

function retentionCard(context: PageContext, { retention }: StatusSnapshot): Html {
  const parts = retention.map(({ repository, outlook }, index) => {
    const body = outlook.known
      ? future(context, outlook.value, repository, `future-${index}`)
      : html`<p class="empty">${outlook.why}</p>`;
    return html`<div class="part"><h3>${repository}</h3>${body}</div>`;
  });
  return html`<section class="card" id="retention" aria-labelledby="retention-h"><div class="head"><h2 id="retention-h">Retention</h2></div>${
    parts.length > 0 ? parts : html`<p class="empty">No repository could be looked at yet.</p>`
  }</section>`;
}

/** Links to the Temporal UI, where its address is known; the plain text elsewhere. */
function linksOf({ temporalUi }: StatusSnapshot) {
  return (workflowId: string, runId: string, text: string): Html => {
    if (!temporalUi) return html`<code>${text}</code>`;
    const base = temporalUi.base.replace(/\/+$/, '');
    const path = [temporalUi.namespace, 'workflows', workflowId, runId].map(encodeURIComponent).join('/');
    return html`<a href="${base}/namespaces/${path}/history"><code>${text}</code></a>`;
  };
}

/** Asks for the token. */
export const loginPage = (wrong: string | null): string =>
  documentOf(
    'Log in · Lifeboat',
    html`<body><div class="login"><form method="post" action="login">
<div class="brand">${LOGO}<h1 class="brand">Lifeboat</h1></div>
${wrong !== null && html`<p class="wrong" role="alert">${wrong}</p>`}
<input type="text" name="username" value="lifeboat" autocomplete="username" hidden>
<label for="token">Token of the status page</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Show the status</button>
</form></div></body>`,
  );
