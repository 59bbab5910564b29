// Takes the pictures of docs/images. See `scripts/screenshots --help`.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { serveStatusPage } from '../src/status/server.ts';
import { openBrowser } from './browser.ts';
import { realSituations } from './screenshots-run.ts';
import { SITUATIONS, type Situation, sampleSnapshot } from './screenshots-samples.ts';

const HELP = `Usage:
  scripts/screenshots run [--out DIR] [--full]         the status page of a real run: healthy, stale, with a failed drill
  scripts/screenshots status [--out DIR] [--full]      the same and more, from sample data
  scripts/screenshots page --url URL [--token T] [--out DIR]
                                                       a status page that runs, light, dark and as wide as a phone
  scripts/screenshots temporal --ui URL --workflow ID [--run ID] [--namespace NS] [--out DIR]
                                                       a workflow in the Temporal UI

DIR is docs/images unless it is given. --full takes whole pages instead of what a screen shows.
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'docs/images' },
    full: { type: 'boolean', default: false },
    url: { type: 'string' },
    token: { type: 'string' },
    ui: { type: 'string' },
    namespace: { type: 'string', default: 'default' },
    workflow: { type: 'string' },
    run: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

type Look = { name: string; scheme: 'light' | 'dark'; width: number; height: number };
const LIGHT: Look = { name: 'light', scheme: 'light', width: 1200, height: 900 };
const DARK: Look = { name: 'dark', scheme: 'dark', width: 1200, height: 900 };
const PHONE: Look = { name: 'phone', scheme: 'light', width: 390, height: 844 };

async function open(browser: Browser, look: Look, token?: string): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.scheme,
    ...(token !== undefined && { extraHTTPHeaders: { authorization: `Bearer ${token}` } }),
  });
  return await context.newPage();
}

async function shoot(page: Page, file: string): Promise<void> {
  const path = join(values.out, `${file}.png`);
  await page.screenshot({ path, fullPage: values.full });
  await page.context().close();
  console.log(path);
}

async function statusPages(browser: Browser): Promise<void> {
  const wanted: [Situation, Look][] = [
    ['healthy', LIGHT],
    ['healthy', DARK],
    ['healthy', PHONE],
    ['stale', LIGHT],
    ['failed-drill', DARK],
    ['blind', LIGHT],
  ];
  for (const situation of SITUATIONS) {
    const snapshot = await sampleSnapshot(situation);
    const server = await serveStatusPage(
      { host: '127.0.0.1', port: 0, secureCookie: false },
      { snapshot: async () => snapshot },
    );
    for (const [, look] of wanted.filter(([of]) => of === situation)) {
      const page = await open(browser, look);
      await page.goto(server.url);
      await shoot(page, `status-${situation}-${look.name}`);
    }
    await server.close();
  }
}

async function realPages(browser: Browser): Promise<void> {
  const looks = { healthy: [LIGHT, DARK, PHONE], stale: [LIGHT, PHONE], 'failed-drill': [LIGHT, DARK] };
  await realSituations(async (situation, url) => {
    for (const look of looks[situation]) {
      const page = await open(browser, look);
      await page.goto(url);
      await shoot(page, `status-${situation}-${look.name}`);
    }
  });
}

async function runningPage(browser: Browser, url: string): Promise<void> {
  for (const look of [LIGHT, DARK, PHONE]) {
    const page = await open(browser, look, values.token);
    await page.goto(url);
    await shoot(page, `page-${look.name}`);
  }
}

async function temporalPages(browser: Browser, ui: string, workflow: string): Promise<void> {
  const base = `${ui.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(values.namespace)}`;
  const list = await open(browser, { ...LIGHT, width: 1440 });
  await list.goto(`${base}/workflows`);
  await list.getByRole('table').first().waitFor();
  await shoot(list, 'temporal-workflows');
  const run = values.run ?? (await newestRun(ui, workflow));
  for (const [view, file] of [
    ['history', 'history'],
    ['timeline', 'timeline'],
    ['user-metadata', 'details'],
  ]) {
    const page = await open(browser, { ...LIGHT, width: 1440, height: 1000 });
    await page.goto(`${base}/workflows/${encodeURIComponent(workflow)}/${run}/${view}`);
    await page.getByRole('heading', { name: workflow }).first().waitFor();
    // The UI goes on asking its server and drawing, so there is no end to wait for.
    await page.waitForTimeout(2500);
    await shoot(page, `temporal-${file}`);
  }
}

/** The newest run of a workflow, as the UI's own server tells it. */
async function newestRun(ui: string, workflow: string): Promise<string> {
  const path = `namespaces/${encodeURIComponent(values.namespace)}/workflows/${encodeURIComponent(workflow)}`;
  const answer = await fetch(`${ui.replace(/\/+$/, '')}/api/v1/${path}`);
  if (!answer.ok) throw new Error(`The UI at ${ui} does not know the workflow ${workflow}.`);
  const { workflowExecutionInfo } = (await answer.json()) as {
    workflowExecutionInfo: { execution: { runId: string } };
  };
  return workflowExecutionInfo.execution.runId;
}

const [what] = positionals;
if (values.help || what === undefined || !['run', 'status', 'page', 'temporal'].includes(what)) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
await mkdir(values.out, { recursive: true });
const browser = await openBrowser();
try {
  if (what === 'run') await realPages(browser);
  else if (what === 'status') await statusPages(browser);
  else if (what === 'page' && values.url !== undefined) await runningPage(browser, values.url);
  else if (what === 'temporal' && values.ui !== undefined && values.workflow !== undefined) {
    await temporalPages(browser, values.ui, values.workflow);
  } else {
    console.error(HELP);
    process.exitCode = 2;
  }
} finally {
  await browser.close();
}
