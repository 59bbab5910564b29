import neo4j, { type Driver } from 'neo4j-driver';

/** Bytes of text in one node: as many random words as make the store grow by about 8 KiB. */
const TEXT_BYTES = 36 * 200;
const NODES_AT_ONCE = 2000;

/** Grow a database to about so many bytes of text that does not compress well. */
export async function growStore(driver: Driver, bytes: number): Promise<{ nodes: number }> {
  await driver.executeQuery('CREATE CONSTRAINT blob_id IF NOT EXISTS FOR (n:Blob) REQUIRE n.id IS UNIQUE');
  const nodes = Math.ceil(bytes / TEXT_BYTES);
  for (let from = 0; from < nodes; from += NODES_AT_ONCE) {
    await driver.executeQuery(
      `UNWIND range($from, $to) AS id
       CREATE (:Blob {id: id, text: reduce(s = '', i IN range(1, 200) | s + randomUUID())})`,
      { from: neo4j.int(from), to: neo4j.int(Math.min(nodes, from + NODES_AT_ONCE) - 1) },
    );
  }
  return { nodes };
}

/** Write this part of the nodes anew, spread over the store in a few places. */
export async function changeStore(driver: Driver, nodes: number, part: number): Promise<void> {
  const runs = 10;
  const each = Math.max(1, Math.floor((nodes * part) / runs));
  for (let run = 0; run < runs; run += 1) {
    const from = Math.floor((nodes / runs) * run);
    await driver.executeQuery(
      `UNWIND range($from, $to) AS id
       MATCH (n:Blob {id: id}) SET n.text = reduce(s = '', i IN range(1, 200) | s + randomUUID())`,
      { from: neo4j.int(from), to: neo4j.int(from + each - 1) },
    );
  }
}
