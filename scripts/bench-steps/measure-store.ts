import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Driver } from 'neo4j-driver';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { type ByHand, PROCEDURES } from './by-hand.ts';
import { changeStore, growStore } from './grown-store.ts';
import { type Taken, takeByLifeboat, type Way } from './lifeboat-mode.ts';
import { measureRestores } from './measure-restores.ts';
import { type Row, watchBackup } from './watched-way.ts';

/** Every way on one store. */
export interface Figures {
  gib: number;
  /** Of its volume, by `du` (bytes). */
  volumeBytes: number;
  backups: Row[];
  restores: Row[];
}

const GIB = 1024 ** 3;
/** What changes between a first copy and the window. */
const CHANGED = 0.01;

const WAYS: { way: Way; change: boolean; name: string }[] = [
  { way: { mode: 'dump', preCopy: false }, change: false, name: 'lifeboat dump' },
  { way: { mode: 'copy', preCopy: false }, change: false, name: 'lifeboat copy, whole' },
  { way: { mode: 'copy', preCopy: true }, change: true, name: 'lifeboat copy' },
  { way: { mode: 'freeze', preCopy: false }, change: false, name: 'lifeboat freeze, whole' },
  { way: { mode: 'freeze', preCopy: true }, change: true, name: 'lifeboat freeze' },
];

/** Ways that are taken three times: what a restart takes scatters by more than what `copy` adds to it. */
const REPEATED = ['restart', 'document', 'lifeboat copy, whole', 'lifeboat copy'];

/** Above this every way is taken once (GiB): each takes minutes, and what scatters is little beside it. */
const REPEATED_UP_TO_GIB = 1;

/**
 * Ways that are measured as what they add to a restart, which is made just before each (after as large a change, which Neo4j writes down when it
 * stops): over minutes a machine's speed changes by more.
 */
const AFTER_RESTART = ['lifeboat copy, whole', 'lifeboat copy'];

/** The way whose total time is compared with the document's procedure, taken just before each for the same reason. */
const AFTER_DOCUMENT = 'lifeboat copy';

/** Measure every way on one store of about this much text; 0: an empty database, for what orchestration adds. */
export async function measureStore(gib: number, say: (row: Row) => void): Promise<Figures> {
  return await withStore(gib, async (on, driver, nodes) => {
    const { server } = on;
    const { Mountpoint } = await on.engine.getVolume(server.volumes.data).inspect();
    const { stdout } = await promisify(execFile)('du', ['-sk', Mountpoint]);
    const backups: Row[] = [];
    const byHand = (name: string) => async () => {
      await PROCEDURES[name]?.(on);
      return undefined;
    };
    const restart = async () => (await watchBackup(server, gib, 'restart', byHand('restart'))).longestSeconds;
    const add = async (
      name: string,
      take: () => Promise<Taken | undefined>,
      change?: () => Promise<void>,
    ) => {
      const rows: Row[] = [];
      // Of an empty database, what is told is a difference of a few seconds.
      const times = gib === 0 || (gib <= REPEATED_UP_TO_GIB && REPEATED.includes(name)) ? 3 : 1;
      for (let time = 0; time < times; time += 1) {
        const document =
          name === AFTER_DOCUMENT
            ? await watchBackup(server, gib, 'document', byHand('document'))
            : undefined;
        let restartSeconds: number | undefined;
        if (AFTER_RESTART.includes(name)) {
          await change?.();
          restartSeconds = await restart();
        }
        const watched = await watchBackup(server, gib, name, take);
        const timesDocument = document && watched.totalSeconds / document.totalSeconds;
        const row: Row = { ...watched, restartSeconds, timesDocument };
        rows.push(row);
        say(row);
      }
      backups.push(inTheMiddle(rows));
    };
    const procedures = gib > 0 ? Object.keys(PROCEDURES) : ['document'];
    // What growing has left to be written down would make the first restart a longer one.
    if (gib > 0) await restart();
    for (const name of procedures) if (await isThere(name)) await add(name, byHand(name));
    for (const { way, change, name } of gib > 0 ? WAYS : WAYS.slice(0, 1)) {
      const write = change ? async () => await changeStore(driver, nodes, CHANGED) : undefined;
      await add(name, async () => await takeByLifeboat(server, way, write), write);
    }
    const restores = gib > 0 ? await measureRestores(on, gib) : [];
    for (const row of restores) say(row);
    return { gib, volumeBytes: Number.parseInt(stdout, 10) * 1024, backups, restores };
  });
}

/** By how long clients had no answer, beyond a restart where one was made before; what was lost in any of them is lost. */
function inTheMiddle(rows: Row[]): Row {
  const beyond = (row: Row) => row.longestSeconds - (row.restartSeconds ?? 0);
  const middle = middleOf(rows.toSorted((a, b) => beyond(a) - beyond(b)));
  if (!middle) throw new Error('Nothing was measured.');
  const times = rows.flatMap(({ timesDocument }) => timesDocument ?? []).sort((a, b) => a - b);
  return {
    ...middle,
    lost: rows.reduce((sum, { lost }) => sum + lost, 0),
    timesDocument: middleOf(times),
  };
}

const middleOf = <T>(sorted: T[]): T | undefined => sorted[Math.floor(sorted.length / 2)];

/** Freeze one store again and again under a writing client: with a first copy in every other backup. */
export async function freezeAgainAndAgain(
  gib: number,
  times: number,
  say: (row: Row) => void,
): Promise<Row[]> {
  if (times === 0) return [];
  return await withStore(gib, async ({ server }) => {
    const rows: Row[] = [];
    for (let time = 0; time < times; time += 1) {
      const way: Way = { mode: 'freeze', preCopy: time % 2 === 0 };
      const row = await watchBackup(
        server,
        gib,
        `freeze ${time + 1}`,
        async () => await takeByLifeboat(server, way),
      );
      rows.push(row);
      say(row);
    }
    return rows;
  });
}

async function withStore<T>(
  gib: number,
  work: (on: ByHand & { server: Neo4jServer }, driver: Driver, nodes: number) => Promise<T>,
): Promise<T> {
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
    const on = { engine: testbed.engine, image: testbed.neo4jImage, testbed: testbed.id, server };
    return await work(on, driver, nodes);
  } finally {
    await driver.close();
    await server.remove();
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
