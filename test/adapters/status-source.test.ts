// needs: nothing
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { openRepository } from '../../src/adapters/repository/open.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { SEARCH_ATTRIBUTES } from '../../src/model/search-attributes.ts';
import { watchCatalog } from '../../src/status/catalog-watch.ts';
import { statusSource } from '../../src/status/source.ts';
import { listRuns, listSchedules, listWorkers } from '../../src/status/temporal-runs.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { observe } from '../../src/telemetry/observation.ts';
import { registerSearchAttributes } from '../../src/worker/search-attributes.ts';
import { startTemporal, type TemporalServer } from '../testbed/temporal.ts';

const QUEUE = 'lifeboat-status-test';

/** Ask again until the server's lists, which are a little late, hold it. */
async function eventually<T>(question: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await question();
    if (enough(answer)) return answer;
    await setTimeout(100);
  }
}

describe('what the status page asks Temporal', { timeout: 120_000 }, () => {
  let folder = '';
  let server: TemporalServer;
  let connection: Connection;
  let client: Client;
  let config: Config;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-status-'));
    server = await startTemporal({ directory: folder });
    connection = await Connection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
    await registerSearchAttributes(connection, server.namespace);
    const file = join(folder, 'lifeboat.yaml');
    await writeFile(
      file,
      JSON.stringify({
        services: { graph: { kind: 'neo4j', container: 'graph' } },
        repositories: { local: { kind: 'directory', path: folder } },
        retention: { keepDaily: 7 },
        temporal: { address: server.address, namespace: server.namespace, taskQueue: QUEUE },
        telemetry: { port: 0 },
        statusPage: { enabled: true, port: 0 },
      }),
    );
    config = await loadConfig({ file, env: {} });
  });
  after(async () => {
    await connection?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const source = (clientOrNone: Client | undefined) => {
    const catalog = watchCatalog(() => config.repositories.map(openRepository));
    const made = statusSource({
      config: () => config,
      objectives: () => config.objectives,
      catalog,
      version: '0',
      ...(clientOrNone && { client: clientOrNone }),
    });
    return { catalog, source: made };
  };

  it('are the runs of its own task queue, by kind and outcome, with their services', async () => {
    const start = (type: string, workflowId: string, taskQueue = QUEUE) =>
      client.workflow.start(type, {
        taskQueue,
        workflowId,
        args: [],
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.service, value: ['graph'] },
          { key: SEARCH_ATTRIBUTES.set, value: 'set-1' },
        ],
      });
    await start('backup', 'one');
    await (await start('backup', 'two')).terminate('for the test');
    await start('watchdog', 'watch');
    await start('somebodyElses', 'other');
    await start('backup', 'elsewhere', 'another-queue');
    const runs = await eventually(
      () => listRuns(client, QUEUE, new Date(0)),
      (found) => found.length >= 2 && found.some(({ outcome }) => outcome === 'failed'),
    );
    assert.deepEqual(
      runs.map(({ workflowId, outcome, services, set }) => [workflowId, outcome, services, set]).sort(),
      [
        ['one', 'running', ['graph'], 'set-1'],
        ['two', 'failed', ['graph'], 'set-1'],
      ],
    );
  });

  it('are the schedules that start something of Lifeboat’s', async () => {
    const create = (scheduleId: string, workflowType: string) =>
      client.schedule.create({
        scheduleId,
        spec: { cronExpressions: ['0 3 * * *'] },
        action: { type: 'startWorkflow', workflowType, taskQueue: QUEUE, args: [] },
        state: { paused: scheduleId.endsWith('weekly'), note: 'because' },
      });
    await create('lifeboat/nightly', 'backup');
    await create('lifeboat/weekly', 'drill');
    await create('other/thing', 'somebodyElses');
    const schedules = await eventually(
      () => listSchedules(client),
      (found) => found.length >= 2,
    );
    assert.deepEqual(
      schedules.map(({ id, operation, paused, nextAt }) => [id, operation, paused, nextAt !== null]),
      [
        ['lifeboat/nightly', 'backup', false, true],
        ['lifeboat/weekly', 'drill', true, false],
      ],
    );
  });

  it('are the workers, of which there are none', async () => {
    assert.deepEqual(await listWorkers(client, server.namespace, QUEUE), []);
  });

  it('are put together into a snapshot that is kept: asking again asks nobody', async () => {
    const { catalog, source: status } = source(client);
    await catalog.refresh();
    const first = await status.snapshot();
    assert.equal(first.runs.known, true);
    assert.equal(first.services[0]?.standing, 'none');
    assert.deepEqual(first.workers, { known: true, value: [] });
    assert.equal(await status.snapshot(), first);
    await status.refresh();
    assert.notEqual(await status.snapshot(), first);
  });

  it('is not guessed when Temporal does not answer', async () => {
    const lost = await Connection.connect({ address: server.address });
    await lost.close();
    const { source: status } = source(new Client({ connection: lost, namespace: server.namespace }));
    const snapshot = await status.snapshot();
    assert.equal(snapshot.runs.known, false);
    assert.match(snapshot.runs.known ? '' : snapshot.runs.why, /^Temporal could not be asked: /);
    assert.equal(snapshot.services[0]?.standing, 'unknown');
    const without = await source(undefined).source.snapshot();
    assert.match(without.schedules.known ? '' : without.schedules.why, /No Temporal server is configured/);
  });

  it('is served beside the worker: metrics, readiness and page; a port that is taken stops nothing', async (context) => {
    const taken = createServer();
    context.after(() => taken.close());
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const { port } = taken.address() as { port: number };
    const lines: string[] = [];
    const logger = createLogger('info', { destination: { write: (line: string) => void lines.push(line) } });
    const repository = (name: string) => openRepository(config.repositories.find((r) => r.name === name)!);
    const options = { repository, client, logger, version: '0' };
    const well = await observe({ ...options, config: () => config });
    assert.equal((await fetch(`${well.telemetryUrl}/readyz`)).status, 200);
    await well.catalog.refresh();
    const scraped = await (await fetch(`${well.telemetryUrl}/metrics`)).text();
    assert.match(scraped, /^lifeboat_repository_up\{repository="local"\} 1$/m);
    // The page that was made at the start did not know the repository yet; the one after its reading does.
    await eventually(
      async () => await (await fetch(well.statusUrl!)).text(),
      (page) => page.includes('graph is not safe'),
    );
    await well.stop();

    const blocked = {
      ...config,
      telemetry: { ...config.telemetry, port },
      statusPage: { ...config.statusPage, port },
    };
    lines.length = 0;
    const worse = await observe({ ...options, config: () => blocked });
    assert.equal(worse.telemetryUrl, undefined);
    assert.equal(worse.statusUrl, undefined);
    assert.match(
      lines.join(''),
      /The metrics server can not listen: port \d+ of 127\.0\.0\.1 is taken.* The worker goes on without it/,
    );
    assert.match(lines.join(''), /The status page can not listen/);
    await worse.stop();
  });
});
