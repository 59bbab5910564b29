import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { takeDown } from '../test/testbed/down.ts';
import { stateFile } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';
import { manySets, type SetFigures } from './load-steps/many-sets.ts';
import { type LoadOptions, parseOptions, USAGE } from './load-steps/options.ts';
import { figures, type LoadFigures, writeFigures } from './load-steps/report.ts';

const DOCUMENT = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

/** Have a worker, the command and the status page work on very many sets: say how long it took and what the worker needed. */
async function main(options: LoadOptions): Promise<number> {
  const loadBefore = loadavg()[0] ?? 0;
  const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
  process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
  if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
  let sets: SetFigures;
  try {
    sets = await manySets(options.sets);
  } finally {
    await takeDown(testbed);
  }
  const surroundings = { processors: availableParallelism(), loadBefore, loadAfter: loadavg()[0] ?? 0 };
  const load: LoadFigures = { surroundings, sets };
  console.log(figures(load));
  if (options.json) await writeFile(options.json, `${JSON.stringify(load, null, 2)}\n`);
  if (options.write) await writeFigures(DOCUMENT, load);
  for (const problem of sets.problems) console.log(problem);
  return sets.problems.length > 0 ? 1 : 0;
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
