import type { BackupResult } from '../../src/workflows/backup.ts';
import { countGraph, type GraphCounts, loadGraph, withDriver } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';
import { breakRun, type Fault, scratchOf } from './broken-run.ts';

/** The steps of a restore of Neo4j, in their order, as activities. */
export const STEPS = [
  'selectArtifacts',
  'planNeo4jRestore',
  'prepareStaging',
  'fetchDump',
  'loadDump',
  'checkLoaded',
  'recordRestore',
  'inspectService',
  'openWindow',
  'swapStores',
  'tryServing',
  'compareRestored',
  'acceptSwap',
  'closeWindow',
  'listKept',
  'forgetOlder',
  'removeStaging',
  'tidyRestore',
] as const;
export type Step = (typeof STEPS)[number];

/** What serves after a fault. Anything but the first two is a broken promise. */
export type Outcome = 'old data serving' | 'new data serving, counts agree' | `BROKEN: ${string}`;

/** A Neo4j with a set of it, on which one restore after the other is broken. */
export interface Matrix {
  /** Break a restore at a step, wait until it is quiet, and see what serves. `stopped`: into a container that is down until then. */
  attempt(step: Step, fault: Fault, options?: { stopped?: boolean }): Promise<Outcome>;
  close(): Promise<void>;
}

export async function startMatrix(): Promise<Matrix> {
  const service = unique('graph');
  const server = await useTestbed().startNeo4j();
  const lifeboat = await startLifeboat({ services: { [service]: neo4jSection(server) } });
  const backedUp = await withDriver(server, (driver) => loadGraph(driver, 300));
  await lifeboat.run<BackupResult>('backup');
  let run = 0;

  const attempt = async (
    step: Step,
    fault: Fault,
    { stopped = false }: { stopped?: boolean } = {},
  ): Promise<Outcome> => {
    run += 1;
    // The data from before this restore can be told from that of the set, and from that of every other attempt.
    await withDriver(server, (driver) =>
      driver.executeQuery('MERGE (m:Before) SET m.run = $run', { run }, { database: 'neo4j' }),
    );
    const container = lifeboat.engine.getContainer(server.containerName);
    if (stopped) await container.stop({ t: 60 });
    await breakRun(lifeboat, { service, step, fault, workflow: 'restore', input: { services: [service] } });
    if (stopped) {
      if ((await container.inspect()).State.Running) return 'BROKEN: what was found stopped was started';
      await container.start();
    }
    return await outcome(lifeboat, server, service, backedUp, run);
  };

  return {
    attempt,
    async close() {
      await lifeboat.close();
      await server.remove();
    },
  };
}

async function outcome(
  lifeboat: Lifeboat,
  server: Neo4jServer,
  service: string,
  backedUp: GraphCounts,
  run: number,
): Promise<Outcome> {
  const left = await lifeboat.remains([service]);
  if (left.length > 0) return `BROKEN: left behind: ${left.join(', ')}`;
  try {
    await server.untilServing(120);
    const scratch = await scratchOf(lifeboat, server);
    if (scratch.length > 0) return `BROKEN: left on its volume: ${scratch.join(', ')}`;
  } catch (error) {
    return `BROKEN: nothing serves: ${(error as Error).message}`;
  }
  return await withDriver(server, async (driver): Promise<Outcome> => {
    const { records } = await driver.executeQuery(
      'MATCH (m:Before) RETURN m.run AS run',
      {},
      { database: 'neo4j' },
    );
    const counts = await countGraph(driver);
    const [before] = records;
    if (!before) {
      return JSON.stringify(counts) === JSON.stringify(backedUp)
        ? 'new data serving, counts agree'
        : `BROKEN: neither the old nor the new data: ${JSON.stringify(counts)}`;
    }
    const { Before: _, ...labels } = counts.labels;
    const rest = { ...counts, nodes: counts.nodes - 1, labels };
    if (Number(before.get('run')) !== run) return `BROKEN: data of attempt ${before.get('run')}`;
    return JSON.stringify(rest) === JSON.stringify(backedUp)
      ? 'old data serving'
      : `BROKEN: old data with other counts: ${JSON.stringify(counts)}`;
  });
}
