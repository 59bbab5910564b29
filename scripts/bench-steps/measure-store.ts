import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { PROCEDURES } from './by-hand.ts';
import { changeStore, growStore } from './grown-store.ts';
import { type Taken, takeByLifeboat, type Way } from './lifeboat-mode.ts';
import { probe, type Seen } from './probing-client.ts';

/** One way of taking a backup, as a client and a clock saw it. */
export interface Row {
  gib: number;
  way: string;
  /** From its beginning to the end of everything (seconds). */
  totalSeconds: number;
  /** The longest time between two acknowledged writes (seconds). */
  longestSeconds: number;
  failed: number;
  acknowledged: number;
  /** Acknowledged writes that the set or the server does not have. */
  lost: number;
  /** Lifeboat's own figures. */
  offlineSeconds?: number;
  frozenSeconds?: number;
}

export interface Figures {
  gib: number;
  /** Of its volume, by `du` (bytes). */
  volumeBytes: number;
  rows: Row[];
}

const GIB = 1024 ** 3;
/** What changes while a first copy is made. */
const CHANGED = 0.01;

const WAYS: { way: Way; change: boolean; name: string }[] = [
  { way: { mode: 'dump', preCopy: false }, change: false, name: 'lifeboat dump' },
  { way: { mode: 'copy', preCopy: false }, change: false, name: 'lifeboat copy, whole' },
  { way: { mode: 'copy', preCopy: true }, change: true, name: 'lifeboat copy' },
  { way: { mode: 'freeze', preCopy: false }, change: false, name: 'lifeboat freeze, whole' },
  { way: { mode: 'freeze', preCopy: true }, change: true, name: 'lifeboat freeze' },
];

/** Measure every way on one store of about this much text; 0: an empty database, for what orchestration adds. */
export async function measureStore(gib: number, say: (row: Row) => void): Promise<Figures> {
  const testbed = useTestbed();
  const server = await testbed.startNeo4j({
    heap: '1g',
    environment: {
      // As a server is set up that is to last: logs preallocated, the optimizing compiler on.
      NEO4J_db_tx__log_preallocate: 'true',
      NEO4J_server_jvm_additional: '-Xss1m',
      NEO4J_server_memory_pagecache_size: '512m',
    },
  });
  const driver = server.driver();
  try {
    const { nodes } = gib > 0 ? await growStore(driver, gib * GIB) : { nodes: 0 };
    const { Mountpoint } = await testbed.engine.getVolume(server.volumes.data).inspect();
    const { stdout } = await promisify(execFile)('du', ['-sk', Mountpoint]);
    const figures: Figures = { gib, volumeBytes: Number.parseInt(stdout, 10) * 1024, rows: [] };
    const add = (row: Row) => {
      figures.rows.push(row);
      say(row);
    };
    const on = { engine: testbed.engine, image: testbed.neo4jImage, testbed: testbed.id, server };
    const procedures = gib > 0 ? Object.entries(PROCEDURES) : [['document', PROCEDURES.document!] as const];
    for (const [name, procedure] of procedures) {
      if (!(await isThere(name))) continue;
      add(
        await watched(server, gib, name, async () => {
          await procedure(on);
          return undefined;
        }),
      );
    }
    for (const { way, change, name } of gib > 0 ? WAYS : WAYS.slice(0, 1)) {
      const meanwhile = change ? async () => await changeStore(driver, nodes, CHANGED) : undefined;
      add(await watched(server, gib, name, async () => await takeByLifeboat(server, way, meanwhile)));
    }
    return figures;
  } finally {
    await driver.close();
    await server.remove();
  }
}

async function watched(
  server: Neo4jServer,
  gib: number,
  way: string,
  work: () => Promise<Taken | undefined>,
): Promise<Row> {
  await server.untilServing();
  const client = probe(server);
  const began = performance.now();
  let taken: Taken | undefined;
  let seen: Seen;
  try {
    taken = await work();
  } finally {
    seen = await client.stop();
  }
  const totalSeconds = taken ? taken.seconds : (performance.now() - began) / 1000;
  return {
    gib,
    way,
    totalSeconds,
    longestSeconds: seen.longestSeconds,
    failed: seen.failed,
    acknowledged: seen.acknowledged,
    lost: await lostOf(server, seen, taken),
    ...(taken
      ? { offlineSeconds: taken.record.offlineSeconds, frozenSeconds: taken.record.frozenSeconds ?? 0 }
      : {}),
  };
}

/** Acknowledged writes that the server has not, and those from before the window that the frozen copy has not. */
async function lostOf(server: Neo4jServer, seen: Seen, taken: Taken | undefined): Promise<number> {
  await server.untilServing();
  const driver = server.driver();
  try {
    const ids = seen.writes.map(({ id }) => id);
    const { records } = await driver.executeQuery(
      'MATCH (n:Probe) WHERE n.id IN $ids RETURN count(n) AS there, COUNT { (:Probe) } AS every',
      { ids },
    );
    const there = Number(records[0]?.get('there') ?? 0);
    const earlier = Number(records[0]?.get('every') ?? 0) - there;
    const lost = ids.length - there;
    const window = taken?.record.window;
    if (!window || !taken.record.frozenSeconds) return lost;
    const due = seen.writes.filter(({ at }) => at < Date.parse(window.from)).length;
    const captured = (taken.record.facts?.neo4j?.labels.Probe ?? 0) - earlier;
    return lost + Math.max(0, due - captured);
  } finally {
    await driver.close();
  }
}

/** Programs that a machine may lack: what can't be run is not measured. */
async function isThere(procedure: string): Promise<boolean> {
  const program = { tar: 'zstd', restic: 'restic' }[procedure];
  if (!program) return true;
  return await promisify(execFile)('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => {
      console.log(`${program} is not installed: "${procedure}" is not measured.`);
      return false;
    },
  );
}
