import { countGraph } from '../../testbed/graph.ts';
import { GRAPH, VECTORS } from './operations.ts';
import { untilNone } from './patience.ts';
import { DATABASE } from './records.ts';
import type { Scene } from './scene.ts';

/** The records of both services when a set was taken while nobody wrote. */
export interface Anchor {
  set: string;
  records: { [GRAPH]: Set<number>; [VECTORS]: Set<number> };
}

/** Both answer queries. */
export async function notServing({ driver, askQdrant }: Scene): Promise<string[]> {
  const [graph, vectors] = await Promise.allSettled([
    driver.executeQuery('RETURN 1', {}, DATABASE),
    askQdrant('GET', '/collections'),
  ]);
  return [
    ...(graph.status === 'rejected' ? [`Neo4j does not answer: ${graph.reason.message}`] : []),
    ...(vectors.status === 'rejected' ? [`Qdrant does not answer: ${vectors.reason.message}`] : []),
  ];
}

/** How long both may take to answer, once whatever broke them is over (milliseconds). */
const SERVING_WITHIN_MS = 120_000;

export const untilServing = (scene: Scene): Promise<string[]> =>
  untilNone(() => notServing(scene), SERVING_WITHIN_MS);

/**
 * All acknowledged data is there. After a restore, which clients waited for, it may instead be exactly what the anchor has, and that
 * is what they go on with; each service is wholly the one or wholly the other.
 * @param restored the outcome of a restore of each service, where there was one: a complete one has to have brought the anchor's data.
 */
export async function dataProblems(
  scene: Scene,
  anchor: Anchor | undefined,
  restored: { [GRAPH]?: 'complete' | 'not'; [VECTORS]?: 'complete' | 'not' },
): Promise<string[]> {
  const problems: string[] = [];
  for (const service of [GRAPH, VECTORS] as const) {
    const client = scene.writers[service];
    const outcome = restored[service];
    if (anchor && outcome) {
      const wanted = anchor.records[service];
      const there = await client.there();
      const isAnchor = there.size === wanted.size && [...there].every((id) => wanted.has(id));
      if (isAnchor) {
        client.take(there);
        continue;
      }
      if (outcome === 'complete')
        problems.push(`${service}: the restore was complete, and its data is not that of the set`);
    }
    problems.push(...(await client.problems()).map((problem) => `${service}: ${problem}`));
  }
  return [...problems, ...(await graphProblems(scene))];
}

/** What was there from the beginning, and nobody touches. */
async function graphProblems({ neo4j, graph }: Scene): Promise<string[]> {
  const driver = neo4j.driver();
  const counts = await countGraph(driver).finally(() => driver.close());
  const { Written = 0, ...labels } = counts.labels;
  const rest = { ...counts, nodes: counts.nodes - Written, labels };
  return JSON.stringify(rest) === JSON.stringify(graph)
    ? []
    : [`${GRAPH}: its graph is ${JSON.stringify(rest)} and was ${JSON.stringify(graph)}`];
}
