import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type FuzzOptions, parseOptions, USAGE } from '../test/fuzz/options.ts';
import { type Played, playTargets } from '../test/fuzz/play-targets.ts';
import { writeFigures } from '../test/fuzz/report.ts';
import { TARGETS } from '../test/fuzz/targets/index.ts';

const DOCUMENT = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

/** Let everything that reads what others wrote read broken and hostile inputs. */
async function main({ seed, runs, only, json, write }: FuzzOptions): Promise<number> {
  console.log(`seed ${seed}`);
  const played: Played[] = [];
  const targets = TARGETS.filter(({ name }) => only === undefined || name === only);
  for await (const one of playTargets(targets, runs, seed)) {
    played.push(one);
    console.log(lineOf(one));
    if (json) await writeFile(json, `${JSON.stringify(played, null, 2)}\n`);
  }
  if (write) await writeFigures(DOCUMENT, played);
  return played.some(({ broken }) => broken !== undefined) ? 1 : 0;
}

function lineOf({ name, runs, seed, receptions, grownBytes, seconds, broken }: Played): string {
  if (broken !== undefined) {
    return `${name}: BROKEN\n${broken}\n   again: scripts/fuzz --seed ${seed} --runs ${Math.round(runs / shareOf(name))} --only ${name}`;
  }
  const { taken, refused } = receptions;
  return `${name}: ${runs} inputs, ${taken} taken, ${refused} refused, ${Math.round(grownBytes / 2 ** 20)} MiB, ${seconds} s`;
}

const shareOf = (wanted: string): number => TARGETS.find(({ name }) => name === wanted)?.share ?? 1;

let options: FuzzOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`scripts/fuzz: ${(error as Error).message}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  process.exitCode = await main(options);
} catch (error) {
  console.error(`scripts/fuzz: ${(error as Error).message}`);
  process.exitCode = 2;
}
