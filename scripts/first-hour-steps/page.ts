import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import type { Collections } from '../../test/workflows/collections.ts';
import type { Transcript } from './transcript.ts';

/** What the first hour happens on. */
export interface Stage {
  /** Empty at first; the commands are typed here. */
  folder: string;
  server: Neo4jServer;
  collections: Collections;
  /** Of the embedded Temporal server. */
  port: number;
  taskQueue: string;
}

/** From an empty folder to a restore, and to the end of `lifeboat up`. */
export async function firstHour(page: Transcript, stage: Stage): Promise<void> {
  page.heading('A first hour');
  page.tell(
    'What `scripts/first-hour` typed, and what it got: a Neo4j container with a small graph and a Qdrant server with one collection, an empty ' +
      'folder, and the `lifeboat` command with the Temporal CLI beside it. Names, ports and the folder are shown as they usually are; all else is as it was said.',
  );
  await configure(page, stage);
  page.heading('Everything in one process');
  page.tell(
    'A Temporal server, the worker and the schedules; the state is in this folder. It stays in this terminal: what follows is typed in a second one.',
  );
  const up = await page.start(`lifeboat up --port ${stage.port} --ui-port 0`, /serves the task queue/);
  try {
    await backUp(page);
    await schedule(page, stage);
    await restore(page, stage);
    page.heading('The end of the hour');
    await page.run('lifeboat status');
  } finally {
    up.kill('SIGINT');
    if (up.exitCode === null && up.signalCode === null) await once(up, 'exit');
  }
  page.tell(
    `Ctrl-C in the first terminal ends \`lifeboat up\` with exit code ${up.exitCode}. Started again, it goes on where it was: runs and schedules are in \`.lifeboat\`.`,
  );
}

async function configure(page: Transcript, { folder, server, collections, taskQueue }: Stage): Promise<void> {
  page.heading('A configuration');
  page.tell('`NEO4J_PASSWORD` and `QDRANT_API_KEY` are set in the environment: no secret is in the file.');
  await page.run('ls -A');
  await page.run(
    [
      "cat > lifeboat.yaml <<'END'",
      'services:',
      '  graph:',
      '    kind: neo4j',
      `    container: ${server.containerName}`,
      `    bolt: ${server.boltUrl}`,
      '    username: neo4j',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file names a variable
      '    password: ${NEO4J_PASSWORD}',
      '  vectors:',
      '    kind: qdrant',
      `    url: ${collections.url}`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file names a variable
      '    apiKey: ${QDRANT_API_KEY}',
      `    include: [${collections.unique('notes')}]`,
      'repositories:',
      `  local: { kind: directory, path: ${folder}/backups }`,
      `temporal: { taskQueue: ${taskQueue} }`,
      'telemetry: { enabled: false }',
      'END',
    ].join('\n'),
  );
  await page.run('mkdir backups');
  await page.run('lifeboat config check');
}

async function backUp(page: Transcript): Promise<void> {
  page.heading('The first backup');
  await page.run('lifeboat backup');
  await page.run('lifeboat list');
  await page.run('lifeboat show');
}

async function schedule(page: Transcript, { folder }: Stage): Promise<void> {
  page.heading('A schedule, and what is to stay');
  await page.run(
    [
      "cat >> lifeboat.yaml <<'END'",
      'schedules:',
      "  backup: { cron: '30 3 * * *', timezone: Europe/Berlin }",
      "  prune: { cron: '30 5 * * 0', timezone: Europe/Berlin }",
      'retention: { keepLast: 2 }',
      'END',
    ].join('\n'),
  );
  await page.run('lifeboat schedules apply');
  await page.run('lifeboat schedules');
  page.tell('What the schedule runs at night can also be had at once:');
  await page.run('lifeboat schedules trigger backup');
  await committed(folder, 2);
  await page.run('lifeboat backup');
  page.tell('Three sets, and two are to stay:');
  await page.run('lifeboat prune --dry-run');
}

async function restore(page: Transcript, { server, collections }: Stage): Promise<void> {
  page.heading('Something is lost, and comes back');
  const [notes] = await collections.own();
  const count = async (): Promise<string> => {
    await server.untilServing();
    const driver = server.driver();
    try {
      const { records } = await driver.executeQuery('MATCH (n) RETURN count(n) AS nodes');
      return `${records[0]?.get('nodes')} nodes in the graph and ${await collections.count(notes as string)} points in the collection`;
    } finally {
      await driver.close();
    }
  };
  const before = await count();
  const driver = server.driver();
  await driver.executeQuery('MATCH (n) DETACH DELETE n');
  await driver.close();
  await collections.remove(
    notes as string,
    Array.from({ length: 40 }, (_, at) => at + 1),
  );
  const lost = await count();
  page.tell(`There were ${before}. Somebody deletes; there are ${lost}.`);
  await page.run('lifeboat restore --dry-run');
  await page.run('lifeboat restore --yes');
  const after = await count();
  if (after !== before) throw new Error(`The restore brought back ${after}; there were ${before}.`);
  page.tell(`There are ${after} again. What was replaced is kept, in case that was the wrong idea:`);
  await page.run('lifeboat list --kept');
}

/** Until the repository has so many sets: the run that a schedule started is nobody's to wait for. */
async function committed(folder: string, sets: number): Promise<void> {
  const manifests = join(folder, 'backups', 'manifests');
  const names = async () => (await readdir(manifests)).filter((name) => name.endsWith('.json'));
  while ((await names()).length < sets) await setTimeout(200);
}
