import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { runHelper } from '../../src/adapters/docker/helper.ts';
import { startContainer, stopContainer } from '../../src/adapters/docker/lifecycle.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { takeDown } from '../../test/testbed/down.ts';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { stateFile } from '../../test/testbed/state.ts';
import { useTestbed } from '../../test/testbed/testbed.ts';
import { bringUp } from '../../test/testbed/up.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../../test/workflows/lifeboat.ts';
import { writeSection } from './document-section.ts';

// Measures for how long a Neo4j with a store of more than 1 GiB is away during a restore: by the plain way (stop, load over the old
// store, start), and by Lifeboat (load beside it, stop, two renames, start), in turn; and writes it into docs/performance.md:
//   node scripts/bench-steps/restore-window.ts

const NODES = 150_000;
/** Characters of the one long property of each node: random, so that nothing shrinks them. */
const CHARACTERS = 8_000;
const BATCH = 500;
const ROUNDS = 1;

const seconds = (from: number): number => Math.round((performance.now() - from) / 100) / 10;

async function fill(server: Neo4jServer): Promise<void> {
  const driver = server.driver();
  try {
    for (let from = 0; from < NODES; from += BATCH) {
      const texts = Array.from({ length: BATCH }, () =>
        randomBytes(CHARACTERS * 0.75)
          .toString('base64')
          .slice(0, CHARACTERS),
      );
      await driver.executeQuery(
        'UNWIND $texts AS text CREATE (:Page {text: text})',
        { texts },
        { database: 'neo4j' },
      );
    }
  } finally {
    await driver.close();
  }
}

interface Plain {
  stop: number;
  load: number;
  start: number;
  away: number;
}

/** What a person does by hand: the database is away from the first command to the last. */
async function plainRestore(lifeboat: Lifeboat, server: Neo4jServer, dumps: string): Promise<Plain> {
  const { engine } = lifeboat;
  const began = performance.now();
  await stopContainer(engine, server.containerId, 120);
  const stop = seconds(began);
  const loading = performance.now();
  const { exitCode, stdout, stderr } = await runHelper(engine, {
    name: unique('restore-window-load'),
    imageId: useTestbed().neo4jImage,
    entrypoint: ['neo4j-admin'],
    command: ['database', 'load', 'neo4j', '--from-path=/dumps', '--overwrite-destination=true'],
    env: {},
    user: '7474:7474',
    volumesFrom: [server.containerId],
    binds: [`${dumps}:/dumps:ro`],
    labels: { 'lifeboat.testbed': useTestbed().id },
  });
  if (exitCode !== 0) throw new Error(`The plain load ended with ${exitCode}: ${stdout}${stderr}`);
  const load = seconds(loading);
  const starting = performance.now();
  await startContainer(engine, server.containerId);
  await server.untilServing();
  return { stop, load, start: seconds(starting), away: seconds(began) };
}

async function storeGiB(server: Neo4jServer): Promise<number> {
  const exec = await useTestbed()
    .engine.getContainer(server.containerId)
    .exec({ Cmd: ['du', '-sk', '/data/databases/neo4j'], AttachStdout: true, Tty: true });
  let output = '';
  for await (const chunk of await exec.start({ Tty: true })) output += String(chunk);
  return Math.round((Number.parseInt(output, 10) / 1024 / 1024) * 100) / 100;
}

const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
try {
  const [load] = loadavg();
  const server = await useTestbed().startNeo4j({ heap: '1g' });
  const service = unique('graph');
  const path = await mkdtemp(join(useTestbed().directory, 'repository-'));
  const lifeboat = await startLifeboat({
    services: { [service]: neo4jSection(server) },
    repositories: { local: { kind: 'directory', path } },
  });
  const dumps = await mkdtemp(join(useTestbed().directory, 'dumps-'));
  try {
    await fill(server);
    const { set } = await lifeboat.run<BackupResult>('backup');
    const size = await storeGiB(server);
    await chmod(dumps, 0o755);
    await copyFile(join(path, 'sets', set, service, 'neo4j.dump'), join(dumps, 'neo4j.dump'));
    await chmod(join(dumps, 'neo4j.dump'), 0o644);
    const rows: string[] = [];
    const ratios: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const plain = await plainRestore(lifeboat, server, dumps);
      const { services, seconds: whole } = await lifeboat.run<RestoreResult>('restore');
      const away = services[0]?.offlineSeconds ?? 0;
      const ratio = away / plain.away;
      ratios.push(ratio);
      console.log({ round, plain, away, whole, ratio });
      rows.push(
        `| ${round} | ${plain.away} s (stop ${plain.stop}, load ${plain.load}, start ${plain.start}) | ${away.toFixed(1)} s | ${ratio.toFixed(2)} | ${whole} s |`,
      );
    }
    const [model = 'unknown'] = [cpus()[0]?.model];
    await writeSection(
      'restore window',
      [
        '| round | plain: Neo4j away | Lifeboat: Neo4j away (stop, two renames, start, counts compared) | Lifeboat / plain | Lifeboat: whole restore |',
        '| --- | --- | --- | --- | --- |',
        ...rows,
        '',
        `A store of ${size} GiB without its transaction logs; ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} of the plain way's time. Measured with ${cpus().length} cores (${model.trim()}), a load of ${(load ?? 0).toFixed(1)} before it began.`,
      ].join('\n'),
    );
  } finally {
    await lifeboat.close();
    await server.remove();
    for (const folder of [dumps, path]) await rm(folder, { recursive: true, force: true });
  }
} finally {
  await takeDown(testbed);
}
