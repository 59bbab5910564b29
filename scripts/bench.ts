import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { canInstallPackages, ensurePackages } from '../test/testbed/debian.ts';
import { takeDown } from '../test/testbed/down.ts';
import { connectDocker } from '../test/testbed/engine.ts';
import { withOfficialStart } from '../test/testbed/neo4j-image.ts';
import { progressOf } from '../test/testbed/progress.ts';
import { stateFile, writeState } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';
import { awayPlot } from './bench-steps/away-plot.ts';
import { benchTable } from './bench-steps/bench-table.ts';
import { writeSection } from './bench-steps/document-section.ts';
import { fleetFigures } from './bench-steps/fleet-figures.ts';
import { measureQdrant } from './bench-steps/measure-qdrant.ts';
import { type Figures, freezeAgainAndAgain, measureStore } from './bench-steps/measure-store.ts';
import { pipelineFigures } from './bench-steps/pipeline-figures.ts';
import { type Measured, ratiosOf } from './bench-steps/ratios.ts';

const USAGE = `Usage: scripts/bench [--quick] [--size GIB]... [--freezes N] [--json FILE] [--no-write]

Measures, in one run on one machine, what Lifeboat's modes cost the users of a Neo4j beside what people do by hand, what a restore and a
backup of Qdrant cost, the pipeline, and fleets; writes tables and a plot into docs/performance.md. Stores of 0.3, 1 and 4 GiB, 50 backups in
mode "freeze", fleets of 10, 100 and 1,000 hosts; --quick leaves out the largest of each, and freezes 5 times; --size measures only the
stores named.`;

interface Options {
  sizes: number[];
  hosts: number[];
  freezes: number;
  json: string | undefined;
  write: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      size: { type: 'string', multiple: true },
      freezes: { type: 'string' },
      json: { type: 'string' },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const sizes = values.size?.map(Number) ?? (values.quick ? [0.3, 1] : [0.3, 1, 4]);
  const wrong = sizes.find((size) => !(size > 0 && size <= 64));
  if (wrong !== undefined) throw new Error('--size must be a number of GiB above 0, and at most 64.');
  const freezes = Number(values.freezes ?? (values.quick ? 5 : 50));
  if (!(Number.isInteger(freezes) && freezes >= 0 && freezes <= 1000)) {
    throw new Error('--freezes must be a whole number from 0 to 1000.');
  }
  const hosts = values.quick ? [10, 100] : [10, 100, 1000];
  return { sizes, hosts, freezes, json: values.json, write: !values['no-write'] };
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
// What some of the ways by hand are: where they can't be installed, those ways are left out.
if (await canInstallPackages()) await ensurePackages(['zstd', 'restic'], progressOf('bench'));
const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal', 'qdrant'], owner: process.pid });
process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
if (testbed.docker && testbed.neo4jImage) {
  process.env.DOCKER_HOST = testbed.docker.host;
  testbed.neo4jImage = await withOfficialStart(connectDocker(testbed.docker.host), testbed.neo4jImage);
  await writeState(testbed);
}
const say = (row: object) => console.log(JSON.stringify(row));
let measured: Measured;
try {
  const stores: Figures[] = [];
  for (const gib of [0, ...options.sizes]) stores.push(await measureStore(gib, say));
  const freezes = await freezeAgainAndAgain(Math.min(...options.sizes), options.freezes, say);
  const qdrant = await measureQdrant();
  say(qdrant);
  const pipeline = await pipelineFigures();
  const fleets = await fleetFigures({ sizes: options.hosts, say });
  measured = { stores, freezes, qdrant, pipeline, fleets };
} finally {
  await takeDown(testbed);
}

const result = { ...ratiosOf(measured), raw: measured };
console.log(JSON.stringify({ ...result, raw: undefined }, null, 2));
if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
if (options.write) {
  const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  const machine = `Measured at ${stdout.trim()} with ${cpus().length} cores (${cpus()[0]?.model.trim()}), a load of ${load.toFixed(1)} before it began.`;
  await writeFile(
    fileURLToPath(new URL('../docs/images/bench-away.svg', import.meta.url)),
    awayPlot(measured),
  );
  await writeSection('bench', `${benchTable(measured, result)}\n\n${machine}`);
}
// Clients that are closed leave timers behind for a while, and nothing is waited for any more.
process.exit();
