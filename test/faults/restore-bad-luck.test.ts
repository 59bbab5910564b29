// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { tombstone } from '../../src/adapters/repository/set-marks.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { copyRepository, flipBit } from '../workflows/copied-repository.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';
import { breakRun, scratchOf } from './broken-run.ts';

const testbed = useTestbed();
const service = unique('graph');
const COPIES = ['good', 'truncated', 'flipped', 'pruned', 'halfPruned', 'huge', 'fewer', 'newer', 'older'];
let folder: string;
let server: Neo4jServer;
let lifeboat: Lifeboat;
let config: { services: object; repositories: object; encryption: object };
let set: string;
let graph: GraphCounts;

const at = (name: string): string => join(folder, name);
const dumpIn = (name: string): string => join(at(name), 'sets', set, service, 'neo4j.dump.age');

before(async () => {
  folder = await mkdtemp(join(testbed.directory, 'bad-luck-'));
  for (const name of COPIES) await mkdir(at(name));
  server = await testbed.startNeo4j();
  const identity = await generateX25519Identity();
  config = {
    services: { [service]: neo4jSection(server, { startTimeout: '30s' }) },
    repositories: Object.fromEntries(COPIES.map((name) => [name, { kind: 'directory', path: at(name) }])),
    encryption: { recipients: [await identityToRecipient(identity)], identities: [identity] },
  };
  lifeboat = await startLifeboat(config);
  const driver = server.driver();
  await loadGraph(driver, 300);
  ({ set } = await lifeboat.run<BackupResult>('backup', { repositories: ['good'] }));
  // The data from before a restore can be told from that of the set.
  await driver.executeQuery('CREATE (:Before)', {}, { database: 'neo4j' });
  graph = await countGraph(driver);
  await driver.close();

  const copy = (name: string, change?: (manifest: Manifest) => void) =>
    copyRepository(at('good'), at(name), set, change);
  await copy('truncated');
  await truncate(dumpIn('truncated'), 2000);
  await copy('flipped');
  await flipBit(dumpIn('flipped'));
  await copy('pruned');
  const pruned = new DirectoryRepository({ kind: 'directory', name: 'pruned', path: at('pruned') });
  await tombstone(pruned, set, { time: new Date(), reason: 'a test' });
  await copy('halfPruned');
  await rm(dumpIn('halfPruned'));
  await copy('huge', (manifest) => {
    for (const artifact of manifest.artifacts) artifact.archive = { files: 1, bytes: 1e15 };
  });
  await copy('fewer', (manifest) => {
    for (const record of manifest.services) {
      if (record.kind !== 'neo4j') continue;
      for (const facts of [record.facts?.neo4j, record.factsAfter?.neo4j]) if (facts) facts.nodes += 7;
    }
  });
  await copy('newer', (manifest) => {
    for (const record of manifest.services) record.version = '2099.1.0';
  });
  await copy('older', (manifest) => {
    for (const record of manifest.services) record.version = '4.4.48';
  });
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const startedAt = async (): Promise<string> =>
  (await lifeboat.engine.getContainer(server.containerName).inspect()).State.StartedAt;

/** What was there is served, and nothing of the restore is left. */
async function oldDataServes(): Promise<void> {
  await server.untilServing(120);
  const driver = server.driver();
  assert.deepEqual(await countGraph(driver), graph);
  await driver.close();
  assert.deepEqual(await lifeboat.remains([service]), []);
  assert.deepEqual(await scratchOf(lifeboat, server), []);
}

/** A restore that must fail like this, with nothing stopped. */
async function refused(input: object, type: FailureType, says: RegExp, by = lifeboat): Promise<void> {
  const before = await startedAt();
  const failure = await by.failureOf(await by.start('restore', { services: [service], ...input }));
  assert.equal(failure.type, type, failure.message);
  assert.match(failure.message, says);
  assert.equal(await startedAt(), before, 'nothing was stopped');
  await oldDataServes();
}

/** The same with another configuration, in which the service is something else. */
async function refusedWith(change: object, type: FailureType, says: RegExp): Promise<void> {
  const other = await startLifeboat({ ...config, ...change });
  try {
    await refused({ repository: 'good' }, type, says, other);
  } finally {
    await other.close();
  }
}

describe('a restore that can not be is refused before anything is stopped', () => {
  test('a truncated artifact', async () => {
    await refused({ repository: 'truncated' }, 'DecryptionFailed', /neo4j\.dump\.age.*was cut or changed/);
  });

  test('an artifact with a flipped bit', async () => {
    await refused({ repository: 'flipped' }, 'DecryptionFailed', /neo4j\.dump\.age.*was cut or changed/);
  });

  test('a set that is being pruned, and one of which the data is gone already', async () => {
    await refused({ repository: 'pruned', set }, 'SetNotFound', /is being pruned/);
    await refused({ repository: 'pruned' }, 'SetNotFound', /No complete set/);
    await refused({ repository: 'halfPruned' }, 'KeyNotFound', /neo4j/);
  });

  test('too little space on the volume', async () => {
    await refused({ repository: 'huge' }, 'InsufficientSpace', /1000000000000000 beside the old ones/);
    await refused({ repository: 'huge', stage: 'elsewhere' }, 'InsufficientSpace', /give it more room/);
  });

  test('a dump of a newer Neo4j', async () => {
    await refused({ repository: 'newer' }, 'VersionMismatch', /2099\.1\.0.*which is older: upgrade/);
  });

  test('a dump of an older Neo4j is not refused, and what becomes of it is said', async () => {
    const dryRun = { services: [service], repository: 'older', dryRun: true };
    const { warnings } = await lifeboat.run<RestoreResult>('restore', dryRun);
    assert.match(warnings.join('\n'), /4\.4\.48.*the store is migrated, and can't go back/);
  });

  test('a wrong identity', async () => {
    const identity = await generateX25519Identity();
    const encryption = { recipients: [await identityToRecipient(identity)], identities: [identity] };
    await refusedWith({ encryption }, 'IdentityMissing', /identit/);
  });

  test('a container that there is not', async () => {
    const services = { [service]: { kind: 'neo4j', container: 'there-is-none-of-this-name' } };
    await refusedWith({ services }, 'ContainerNotFound', /no container "there-is-none-of-this-name"/);
  });

  test('a service that is of another kind now', async () => {
    const services = { [service]: { kind: 'qdrant', url: 'http://127.0.0.1:9' } };
    await refusedWith({ services }, 'InvalidInput', /is a qdrant, and this needs a neo4j/);
  });

  test('a service that another run has', async () => {
    const workflowId = `offline/${lifeboat.taskQueue}/${service}`;
    const busy = await lifeboat.client.workflow.start('criticalSection', {
      taskQueue: unique('nobody'),
      workflowId,
    });
    try {
      await refused({ repository: 'good' }, 'ServiceBusy', /in use by another run/);
    } finally {
      await busy.terminate('a test');
    }
  });
});

describe('a restore that fails when the new stores are in', () => {
  test('because the counts do not agree, brings the old ones back', async () => {
    const input = { services: [service], repository: 'fewer' };
    const failure = await lifeboat.failureOf(await lifeboat.start('restore', input));
    assert.equal(failure.type, 'RestoreFailed');
    assert.match(failure.message, /data from before is back and serving.*307 expected, 300 found/s);
    await oldDataServes();
  });

  test('says so also when the worker dies before it can tell that they are back', async () => {
    const input = { services: [service], repository: 'fewer' };
    const fault = 'kill -9' as const;
    const handle = await breakRun(lifeboat, {
      ...{ service, workflow: 'restore', input, step: 'closeWindow', fault },
    });
    const failure = await lifeboat.failureOf(handle);
    assert.equal(failure.type, 'RestoreFailed');
    assert.match(failure.message, /data from before is back and serving/);
    await oldDataServes();
  });

  test('because Neo4j does not come up on them, brings the old ones back', async () => {
    const input = { services: [service], repository: 'good' };
    const ruin = async () => {
      const { id } = await testbed.engine.createContainer({
        Image: testbed.neo4jImage,
        Labels: { 'lifeboat.testbed': testbed.id },
        Entrypoint: ['sh', '-c'],
        Cmd: ['for file in /data/databases/neo4j/neostore*; do echo ruined > "$file"; done'],
        HostConfig: { NetworkMode: 'none', VolumesFrom: [server.containerId] },
      });
      const container = testbed.engine.getContainer(id);
      await container.start();
      await container.wait();
      await container.remove({ v: true });
    };
    const handle = await breakRun(lifeboat, {
      service,
      workflow: 'restore',
      input,
      step: 'swapStores',
      fault: ruin,
    });
    const failure = await lifeboat.failureOf(handle);
    assert.equal(failure.type, 'RestoreFailed');
    assert.match(failure.message, /data from before is back and serving.*did not answer within 30 s/s);
    await oldDataServes();
  });
});
