import { isDeepStrictEqual } from 'node:util';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { countGraph, deleteGraph, type GraphCounts } from '../../test/testbed/graph.ts';
import { type ProbeReport, probeBolt } from './bolt-probe.ts';
import { type Ended, follow } from './follow.ts';
import { seconds } from './narration.ts';
import { countVectors, deleteVectors, type VectorFacts } from './sample-vectors.ts';
import type { Stage } from './stage.ts';
import { tellAway } from './take-backup.ts';

/**
 * Delete the graph and the collections, restore both, and compare.
 * @throws when something does not agree
 */
export async function destroyAndRestore(stage: Stage, set: string): Promise<void> {
  const { narration, testbed, before } = stage;
  narration.heading('Disaster: the graph and the collections are deleted');
  const driver = stage.graph.driver();
  try {
    await deleteGraph(driver);
    await deleteVectors(testbed.qdrant);
    const lost = await countGraph(driver);
    const left = Object.keys(await countVectors(testbed.qdrant));
    narration.fact('Left', `${lost.nodes} nodes, ${left.length} collections`);
    if (lost.nodes > 0 || left.length > 0) throw new Error('The data could not be deleted.');
  } finally {
    await driver.close();
  }

  narration.heading('Restore: both databases from the set');
  const probe = probeBolt(stage.graph);
  let ended: Ended<RestoreResult>;
  let seen: ProbeReport;
  try {
    ended = await follow<RestoreResult>(stage, 'restore', { set });
  } finally {
    seen = await probe.stop();
  }
  const { services, seconds: took, warnings } = ended.result;
  for (const warning of warnings) narration.fact('Warning', warning);
  const graph = services.find(({ service }) => service === stage.made.services.graph);
  narration.fact('Took', seconds(took));
  tellAway(narration, graph?.offlineSeconds ?? 0, seen);
  const after = await countAll(stage);
  tellGraph(stage, before.graph, after.graph);
  tellVectors(stage, before.vectors, after.vectors);
  if (!isDeepStrictEqual(before, after)) throw new Error('What was restored is not what was backed up.');
  const compared = services.every((service) => service.compared);
  narration.fact('Verdict', `ok: all counts agree${compared ? ', also with the manifest' : ''}`);
}

async function countAll({ graph, testbed }: Stage): Promise<{ graph: GraphCounts; vectors: VectorFacts }> {
  const driver = graph.driver();
  try {
    return { graph: await countGraph(driver), vectors: await countVectors(testbed.qdrant) };
  } finally {
    await driver.close();
  }
}

const marked = (same: boolean): string => (same ? 'as before' : 'NOT AS BEFORE');

function tellGraph({ narration }: Stage, before: GraphCounts, after: GraphCounts): void {
  narration.fact(
    'Graph',
    `${after.nodes} nodes, ${after.relationships} relationships, sum of weights ${after.weight}: ${marked(isDeepStrictEqual(before, after))}`,
  );
}

function tellVectors({ narration }: Stage, before: VectorFacts, after: VectorFacts): void {
  for (const [name, facts] of Object.entries(before)) {
    const found = after[name];
    const said = found
      ? `${found.points} points, index ${found.indexes.join(', ') || 'none'}, alias ${found.aliases.join(', ') || 'none'}`
      : 'missing';
    narration.fact(name, `${said}: ${marked(isDeepStrictEqual(facts, found))}`);
  }
}
