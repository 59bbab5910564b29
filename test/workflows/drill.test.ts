// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { readSets } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Collections, startCollections } from './collections.ts';
import { copyRepository, flipBit } from './copied-repository.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const graphService = unique('graph');
const vectors = unique('vectors');
const REPOSITORIES = ['good', 'fewer', 'flipped', 'sealed'];
let folder: string;
let server: Neo4jServer;
let collections: Collections;
let lifeboat: Lifeboat;
let notes: string;
let set: string;
let graph: GraphCounts;
let startedAt: string;

const at = (name: string): string => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(useTestbed().directory, 'drill-'));
  for (const name of REPOSITORIES) await mkdir(at(name));
  collections = await startCollections();
  notes = await collections.make('notes', { points: 30, aliases: ['now'] });
  server = await useTestbed().startNeo4j();
  const driver = server.driver();
  graph = await loadGraph(driver, 600);
  await driver.close();
  lifeboat = await startLifeboat({
    services: { [graphService]: neo4jSection(server), [vectors]: collections.section() },
    repositories: Object.fromEntries(
      REPOSITORIES.map((name) => [name, { kind: 'directory', path: at(name) }]),
    ),
  });
  ({ set } = await lifeboat.run<BackupResult>('backup', { repositories: ['good'] }));
  await copyRepository(at('good'), at('fewer'), set, (manifest) => {
    for (const record of manifest.services) {
      if (record.kind === 'neo4j') {
        for (const facts of [record.facts?.neo4j, record.factsAfter?.neo4j]) if (facts) facts.nodes += 7;
      } else for (const one of record.collections) one.points += 7;
    }
  });
  await copyRepository(at('good'), at('flipped'), set);
  await flipBit(join(at('flipped'), 'sets', set, vectors, `${notes}.snapshot.zst`));
  ({ startedAt } = await stateOfServer());
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
  await collections?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function stateOfServer(): Promise<{ startedAt: string; running: boolean }> {
  const { State } = await lifeboat.engine.getContainer(server.containerName).inspect();
  return { startedAt: State.StartedAt, running: State.Running };
}

async function verdictsIn(name: string): Promise<(string | undefined)[][]> {
  const repository = new DirectoryRepository({ kind: 'directory', name, path: at(name) });
  const [only] = await readSets(repository);
  return (only?.verdicts ?? []).map(({ kind, verdict }) => [kind, verdict]);
}

/** The sandbox is gone, and the live services never noticed. */
async function leavesEverythingAlone(): Promise<void> {
  assert.deepEqual(await stateOfServer(), { startedAt, running: true });
  const driver = server.driver();
  assert.deepEqual(await countGraph(driver), graph);
  await driver.close();
  assert.equal(await collections.count(notes), 30);
  assert.deepEqual(await collections.aliasesOf(notes), [collections.unique('now')]);
  assert.deepEqual(await collections.snapshots(notes), []);
  const sandboxes = (await collections.qdrant.collections()).filter(
    (name) => name.startsWith('lifeboat-drill-') && name.includes(notes),
  );
  assert.deepEqual(sandboxes, []);
  assert.deepEqual(await lifeboat.remains([graphService, vectors]), []);
}

describe('a restore drill', () => {
  test('proves a good set, with times, and leaves nothing of its sandbox', async () => {
    const result = await lifeboat.run<DrillResult>('drill');
    assert.deepEqual([result.set, result.repository, result.verdict], [set, 'good', 'ok']);
    assert.deepEqual(
      result.services.map(({ service, verdict }) => [service, verdict]),
      [
        [graphService, 'ok'],
        [vectors, 'ok'],
      ],
    );
    assert.ok(result.rtoSeconds > 0 && result.rpoSeconds >= 0);
    assert.deepEqual(await verdictsIn('good'), [['drill', 'ok']]);
    await leavesEverythingAlone();
  });

  test('finds that what comes back is not what the manifest says', async () => {
    const failure = await lifeboat.failureOf(await lifeboat.start('drill', { repository: 'fewer' }));
    assert.equal(failure.type, 'DrillFailed');
    assert.match(failure.message, /607 expected, 600 found/);
    assert.match(failure.message, new RegExp(`${notes}: .*37`));
    assert.deepEqual(await verdictsIn('fewer'), [['drill', 'failed']]);
    await leavesEverythingAlone();
  });

  test('finds a flipped bit', async () => {
    const input = { repository: 'flipped', services: [vectors] };
    const failure = await lifeboat.failureOf(await lifeboat.start('drill', input));
    assert.equal(failure.type, 'DrillFailed');
    assert.deepEqual(await verdictsIn('flipped'), [['drill', 'failed']]);
    await leavesEverythingAlone();
  });

  test('that has no key says nothing of the set', async () => {
    const keyless = await startLifeboat({
      services: { [vectors]: collections.section() },
      repositories: { sealed: { kind: 'directory', path: at('sealed') } },
      encryption: { recipients: [await identityToRecipient(await generateX25519Identity())] },
    });
    try {
      await keyless.run<BackupResult>('backup');
      const failure = await keyless.failureOf(await keyless.start('drill'));
      assert.equal(failure.type, 'DrillFailed');
      assert.match(failure.message, /could not run: .* no identity or passphrase is configured/);
      assert.deepEqual(await verdictsIn('sealed'), [['drill', 'not-run']]);
    } finally {
      await keyless.close();
    }
    await leavesEverythingAlone();
  });

  /** A drill that stands still with its sandbox up, because nobody hears what was found in it. */
  async function drillInItsSandbox() {
    const fault = { activity: 'describeSandbox', how: 'stall' } as const;
    const { handle } = await lifeboat.startBroken(fault, 'drill', { services: [graphService] });
    return handle;
  }

  test('that loses its worker is taken to its end by the next one', async () => {
    const handle = await drillInItsSandbox();
    await lifeboat.worker.kill('SIGKILL');
    await lifeboat.startWorker();
    assert.equal(((await handle.result()) as DrillResult).verdict, 'ok');
    await leavesEverythingAlone();
  });

  test('that is terminated leaves a sandbox that the watchdog removes', async () => {
    const handle = await drillInItsSandbox();
    await handle.terminate('a test');
    await lifeboat.worker.kill('SIGKILL');
    await lifeboat.startWorker();
    await lifeboat.look();
    await leavesEverythingAlone();
  });
});
