import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PruneResult } from '../../src/workflows/prune.ts';
import { freePort } from '../../test/testbed/ports.ts';
import { sampleSets, writeObjects } from '../../test/testbed/sample-sets.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { startCollections } from '../../test/workflows/collections.ts';
import { type Lifeboat, startLifeboat } from '../../test/workflows/lifeboat.ts';
import { figuresOf, type ProcessFigures, watched } from './process-watch.ts';

/** What a repository with many sets came to. Times in seconds. */
export interface SetFigures {
  sets: number;
  list: number;
  listTwenty: number;
  /** From the worker's being ready until its status page shows every set. */
  pageComplete: number;
  /** The slowest of several loads that were put together anew, with the repository known. */
  page: number;
  pageBytes: number;
  /** The slowest load while the repository is pruned. */
  pageWhilePruning: number;
  dryRun: number;
  /** Each pruning, one after the other, until nothing was to go. */
  prunings: { deleted: number; seconds: number }[];
  kept: number;
  before: ProcessFigures;
  most: ProcessFigures;
  problems: string[];
}

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));
const HOUR_MS = 60 * 60 * 1000;
const LOADS = 4;
/** The page is put together anew when it is older than this (milliseconds): `RENDER_MS` of the status server, and some. */
const PAGE_AGE_MS = 5500;
/** How long the status page is waited for (milliseconds). */
const PAGE_MS = 300_000;

/** A worker, the command and the status page on a directory with so many sets, of which three of ten are pruned. */
export async function manySets(sets: number): Promise<SetFigures> {
  const testbed = useTestbed();
  const directory = await mkdtemp(join(testbed.directory, 'many-sets-'));
  const path = join(directory, 'repository');
  await mkdir(path);
  await writeObjects(path, sampleSets(sets, new Date(Date.now() - HOUR_MS), HOUR_MS));
  const collections = await startCollections();
  let lifeboat: Lifeboat | undefined;
  try {
    await collections.make('notes');
    const [port, telemetryPort] = [await freePort(), await freePort()];
    const keepLast = Math.ceil(sets * 0.7);
    lifeboat = await startLifeboat({
      services: { vectors: collections.section() },
      repositories: { local: { kind: 'directory', path } },
      retention: { keepLast },
      telemetry: { port: telemetryPort, refresh: '30s' },
      statusPage: { enabled: true, port },
    });
    return await play(lifeboat, `http://127.0.0.1:${port}/`, { sets, keepLast });
  } finally {
    await lifeboat?.close();
    await collections.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function play(
  lifeboat: Lifeboat,
  page: string,
  { sets, keepLast }: { sets: number; keepLast: number },
): Promise<SetFigures> {
  const { pid } = lifeboat.worker;
  const problems: string[] = [];
  const before = await figuresOf(pid);
  const { result, most } = await watched(pid, async () => {
    const pageComplete = await complete(page, sets);
    const { slowest, bytes } = await loads(page);
    const listed = await list(lifeboat, []);
    const twenty = await list(lifeboat, ['-n', '20']);
    if (listed.sets !== sets) problems.push(`lifeboat list shows ${listed.sets} sets of ${sets}.`);

    const dry = await prune(lifeboat, true);
    const planned = sets - keepLast;
    if (dry.expired !== planned) problems.push(`A dry run would prune ${dry.expired} sets, not ${planned}.`);
    const prunings: SetFigures['prunings'] = [];
    const pruned = (async () => {
      for (;;) {
        const { deleted, seconds } = await prune(lifeboat, false);
        if (deleted === 0) return;
        prunings.push({ deleted, seconds });
      }
    })();
    const during = await loads(page);
    await pruned;
    const kept = (await list(lifeboat, [])).sets;
    if (kept !== keepLast) problems.push(`${kept} sets are left instead of ${keepLast}.`);
    return {
      list: listed.seconds,
      listTwenty: twenty.seconds,
      pageComplete,
      page: slowest,
      pageBytes: bytes,
      pageWhilePruning: during.slowest,
      dryRun: dry.seconds,
      prunings,
      kept,
    };
  });
  return { sets, ...result, before, most, problems };
}

async function complete(page: string, sets: number): Promise<number> {
  const since = performance.now();
  while (performance.now() - since < PAGE_MS) {
    const snapshot = await (await fetch(`${page}status.json`)).json();
    const { repositories } = snapshot as { repositories: { sets: unknown }[] };
    const count = repositories[0]?.sets;
    if (count === sets) return (performance.now() - since) / 1000;
    await sleep(250);
  }
  throw new Error(`The status page did not show ${sets} sets within ${PAGE_MS / 1000} s.`);
}

/** Load the page several times, each time when it has to be put together anew. */
async function loads(page: string): Promise<{ slowest: number; bytes: number }> {
  let [slowest, bytes] = [0, 0];
  for (let load = 0; load < LOADS; load += 1) {
    await sleep(PAGE_AGE_MS);
    const since = performance.now();
    const response = await fetch(page);
    if (!response.ok) throw new Error(`The status page answered ${response.status}.`);
    bytes = (await response.arrayBuffer()).byteLength;
    slowest = Math.max(slowest, (performance.now() - since) / 1000);
  }
  return { slowest, bytes };
}

async function list(lifeboat: Lifeboat, more: string[]): Promise<{ sets: number; seconds: number }> {
  const since = performance.now();
  const child = spawn(LIFEBOAT, ['--config', lifeboat.configFile, '--json', 'list', ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const output = await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`lifeboat list ended with ${code}.`);
  const { sets } = JSON.parse(output) as { sets: unknown[] };
  return { sets: sets.length, seconds: (performance.now() - since) / 1000 };
}

async function prune(
  lifeboat: Lifeboat,
  dryRun: boolean,
): Promise<{ expired: number; deleted: number; seconds: number }> {
  const since = performance.now();
  const { repositories } = await lifeboat.run<PruneResult>('prune', { dryRun });
  const { expired = [], later = 0, deleted = [] } = repositories.local ?? {};
  return {
    expired: expired.length + later,
    deleted: deleted.length,
    seconds: (performance.now() - since) / 1000,
  };
}
