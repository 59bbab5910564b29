// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Driver } from 'neo4j-driver';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { countGraph, deleteGraph, type GraphCounts, loadGraph, withDriver } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from './lifeboat.ts';

/** A dump of so many is several pieces of what a stream is read in. */
const NODES = 20_000;

const service = unique('apart');
let server: Neo4jServer;
let lifeboat: Lifeboat;
let loaded: GraphCounts;

before(async () => {
  server = await useTestbed().startNeo4j();
  loaded = await graph((driver) => loadGraph(driver, NODES));
  const services = { [service]: neo4jSection(server, { mode: 'copy' }) };
  lifeboat = await startLifeboat({ services }, { apart: true });
});

after(async () => {
  await lifeboat?.close();
  await server?.remove();
});

const graph = <T>(call: (driver: Driver) => Promise<T>) => withDriver(server, call);

test('a worker that does not see the volumes of the engine backs up and restores through it', async () => {
  const backup = await lifeboat.run<BackupResult>('backup');
  const [taken] = await lifeboat.sets();
  assert.ok(taken && 'manifest' in taken);
  const bytes = taken.manifest.artifacts[0]?.content.bytes ?? 0;
  assert.ok(bytes > 1_000_000, `the dump has only ${bytes} bytes`);
  assert.equal((await lifeboat.neo4jRecord(backup.set)).mode, 'copy');
  await graph(deleteGraph);
  const result = await lifeboat.run<RestoreResult>('restore', { services: [service] });
  assert.equal(result.services[0]?.compared, true);
  assert.deepEqual(await graph(countGraph), loaded);
});
