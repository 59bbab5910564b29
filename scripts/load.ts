import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { takeDown } from '../test/testbed/down.ts';
import { stateFile } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';
import { manyBackups } from './load-steps/many-backups.ts';
import { manySets } from './load-steps/many-sets.ts';
import { type LoadOptions, parseOptions, USAGE } from './load-steps/options.ts';
import { figures, type LoadFigures, type Surroundings, writeFigures } from './load-steps/report.ts';

const DOCUMENT = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

/** Ask for much at once, and for work on very many sets: say what came of it, how long it took and what the worker needed. */
async function main(options: LoadOptions): Promise<number> {
  const load: LoadFigures = {};
  const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
  process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
  if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
  try {
    if (options.sets > 0) {
      load.sets = await surrounded(() => manySets(options.sets));
      console.log(figures(load).sets);
    }
    if (options.backups > 0) {
      load.backups = await surrounded(() => manyBackups(options.backups));
      console.log(figures(load).backups);
    }
  } finally {
    if (options.json) await writeFile(options.json, `${JSON.stringify(load, null, 2)}\n`);
    if (options.write) await writeFigures(DOCUMENT, load);
    await takeDown(testbed);
  }
  const problems = [...(load.backups?.problems ?? []), ...(load.sets?.problems ?? [])];
  for (const problem of problems) console.log(problem);
  return problems.length > 0 ? 1 : 0;
}

/** Say with the figures how busy the machine was besides. */
async function surrounded<T>(measure: () => Promise<T>): Promise<T & { surroundings: Surroundings }> {
  const loadBefore = loadavg()[0] ?? 0;
  const measured = await measure();
  const processors = availableParallelism();
  return { ...measured, surroundings: { processors, loadBefore, loadAfter: loadavg()[0] ?? 0 } };
}

let options: LoadOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`scripts/load: ${(error as Error).message}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  process.exitCode = await main(options);
} catch (error) {
  console.error(`scripts/load: ${(error as Error).message}`);
  process.exitCode = 2;
}
