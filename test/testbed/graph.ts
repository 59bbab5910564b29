import type { Driver } from 'neo4j-driver';
import type { Neo4jServer } from './neo4j.ts';

/** What a graph holds, for a comparison. */
export interface GraphCounts {
  nodes: number;
  relationships: number;
  /** Nodes of each label. */
  labels: Record<string, number>;
  /** Sum of a property of every node: a changed value shows even where the counts agree. */
  weight: number;
}

/**
 * Fill a database with a graph as a personal knowledge base has it: people, notes of theirs, resources that notes
 * cite, and links between notes. `nodes` of all kinds together (default 1,000): a tenth people, a fifth resources,
 * the rest notes. The same number makes the same graph each time.
 */
export async function loadGraph(driver: Driver, nodes = 1000, database = 'neo4j'): Promise<GraphCounts> {
  const people = Math.max(1, Math.floor(nodes / 10));
  const resources = Math.max(1, Math.floor(nodes / 5));
  const notes = Math.max(1, nodes - people - resources);
  const run = (query: string, values: Record<string, number> = {}) =>
    driver.executeQuery(query, values, { database });
  for (const label of ['Person', 'Resource', 'Note']) {
    const name = `${label.toLowerCase()}_id`;
    await run(`CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE n.id IS UNIQUE`);
  }
  await run(
    `UNWIND range(1, toInteger($people)) AS i
     CREATE (:Person {id: i, name: 'Person ' + i, weight: i % 97})`,
    { people },
  );
  await run(
    `UNWIND range(1, toInteger($resources)) AS i
     CREATE (:Resource {id: i, title: 'Resource ' + i, url: 'urn:resource:' + i, weight: i % 89})`,
    { resources },
  );
  for (let from = 1; from <= notes; from += BATCH) {
    await run(NOTES, { from, to: Math.min(notes, from + BATCH - 1), people, resources });
  }
  return countGraph(driver, database);
}

/** Notes in one transaction. */
const BATCH = 10_000;

const NOTES = `
  UNWIND range(toInteger($from), toInteger($to)) AS i
  CREATE (note:Note {
    id: i, title: 'Note ' + i, weight: i % 101,
    text: 'What was learnt on day ' + (i % 365) + ' about subject ' + (i % 53)
  })
  WITH note, i
  MATCH (person:Person {id: 1 + i % toInteger($people)})
  MATCH (resource:Resource {id: 1 + (i * 7) % toInteger($resources)})
  CREATE (person)-[:WROTE]->(note), (note)-[:CITES]->(resource)
  WITH note, i
  MATCH (earlier:Note {id: 1 + (i * 31) % i})
  CREATE (note)-[:LINKS_TO]->(earlier)`;

/** Count what a database holds, by one pass over it. */
export async function countGraph(driver: Driver, database = 'neo4j'): Promise<GraphCounts> {
  const one = async (query: string): Promise<Record<string, unknown>[]> => {
    const { records } = await driver.executeQuery(query, {}, { database });
    return records.map((record) => record.toObject());
  };
  const [nodes] = await one('MATCH (n) RETURN count(n) AS nodes, sum(coalesce(n.weight, 0)) AS weight');
  const [links] = await one('MATCH ()-[r]->() RETURN count(r) AS links');
  const labels = await one(
    'MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) AS nodes ORDER BY label',
  );
  return {
    nodes: Number(nodes?.nodes),
    relationships: Number(links?.links),
    labels: Object.fromEntries(labels.map((row) => [String(row.label), Number(row.nodes)])),
    weight: Number(nodes?.weight),
  };
}

/** Delete everything that `loadGraph` made, in transactions of bounded size. */
export async function deleteGraph(driver: Driver, database = 'neo4j'): Promise<void> {
  const session = driver.session({ database });
  try {
    await session.run('MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS');
  } finally {
    await session.close();
  }
}

/** For so long (s) a server that was started, backed up or restored may take until it serves. */
const SERVES_WITHIN = 120;

/** With a new driver each time: an old one waits for the transactions that it saw, and a restore takes them back. */
export async function withDriver<T>(server: Neo4jServer, call: (driver: Driver) => Promise<T>): Promise<T> {
  await server.untilServing(SERVES_WITHIN);
  const driver = server.driver();
  try {
    return await call(driver);
  } finally {
    await driver.close();
  }
}
