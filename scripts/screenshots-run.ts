import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readManifest } from '../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../src/adapters/repository/directory.ts';
import type { BackupResult } from '../src/workflows/backup.ts';
import { takeDown } from '../test/testbed/down.ts';
import { loadGraph } from '../test/testbed/graph.ts';
import { freePort } from '../test/testbed/ports.ts';
import { stateFile } from '../test/testbed/state.ts';
import { useTestbed } from '../test/testbed/testbed.ts';
import { bringUp } from '../test/testbed/up.ts';
import { startCollections } from '../test/workflows/collections.ts';
import { type Lifeboat, neo4jSection, startLifeboat } from '../test/workflows/lifeboat.ts';

/** What the status page is shown of. */
export type RunSituation = 'healthy' | 'stale' | 'failed-drill';

/** Backups of both services that the pictures are of, and between them quick ones of the vectors alone. */
const SMALL_BACKUPS = 5;

/**
 * Run a real installation into each situation, and hand over its status page there: sets of a real Neo4j and of collections, verified and
 * drilled; the same with an objective that they miss; and with a newest set that was damaged before its drill.
 */
export async function realSituations(
  shoot: (situation: RunSituation, url: string) => Promise<void>,
): Promise<void> {
  const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal', 'qdrant'], owner: process.pid });
  process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
  if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
  try {
    const server = await useTestbed().startNeo4j();
    const driver = server.driver();
    await loadGraph(driver, 5000);
    await driver.close();
    const collections = await startCollections();
    await collections.make('notes', { points: 500 });
    const repositories = { local: { kind: 'directory', path: join(testbed.directory, 'shown') } };
    const installation = async (more: object): Promise<{ lifeboat: Lifeboat; url: string }> => {
      const port = await freePort();
      const lifeboat = await startLifeboat({
        services: { graph: neo4jSection(server, { mode: 'auto' }), vectors: collections.section() },
        repositories,
        retention: { timezone: 'UTC', keepLast: 3, keepDaily: 7, keepWeekly: 4, keepMonthly: 12 },
        statusPage: { enabled: true, port, temporalUi: testbed.temporal?.uiUrl },
        ...more,
      });
      return { lifeboat, url: `http://127.0.0.1:${port}/` };
    };
    await mkdir(repositories.local.path);
    try {
      const first = await installation({});
      for (let done = 0; done < SMALL_BACKUPS; done += 1)
        await first.lifeboat.run('backup', { services: ['vectors'] });
      const whole = await first.lifeboat.run<BackupResult>('backup');
      await first.lifeboat.run('verify', { set: whole.set });
      await first.lifeboat.run('drill', { set: whole.set });
      await first.lifeboat.close();

      await showing('healthy', {}, whole.set);
      await sleep(60_000);
      await showing('stale', { objectives: { rpo: '1m' } }, whole.set);

      const last = await installation({});
      const bad = await last.lifeboat.run<BackupResult>('backup', { services: ['vectors'] });
      await damage(repositories.local.path, bad.set);
      await last.lifeboat.failureOf(await last.lifeboat.start('drill', { set: bad.set }));
      await last.lifeboat.close();
      await showing('failed-drill', {}, bad.set);
    } finally {
      await collections.close();
      await server.remove();
    }

    /** A worker that reads the catalog at its start, with its page as a person sees it. */
    async function showing(situation: RunSituation, more: object, newest: string): Promise<void> {
      const { lifeboat, url } = await installation(more);
      try {
        const isShown = async () => {
          const page = await (await fetch(url)).text();
          // It takes Temporal a moment to tell of a worker that has just come.
          return page.includes(newest) && !page.includes('No worker asked');
        };
        while (!(await isShown())) await sleep(500);
        await shoot(situation, url);
      } finally {
        await lifeboat.close();
      }
    }
  } finally {
    await takeDown(testbed);
  }
}

/** Flip one bit in the middle of a set's first artifact. */
async function damage(root: string, set: string): Promise<void> {
  const repository = new DirectoryRepository({ kind: 'directory', name: 'shown', path: root });
  const path = (await readManifest(repository, set)).artifacts[0]?.path;
  if (!path) throw new Error(`The set ${set} has no artifact.`);
  const bytes = await readFile(join(root, path));
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(join(root, path), bytes);
}
