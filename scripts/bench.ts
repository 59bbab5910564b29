import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { takeDown } from '../test/testbed/down.ts';
import { stateFile } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';
import { writeSection } from './bench-steps/document-section.ts';
import { type Figures, measureStore, type Row } from './bench-steps/measure-store.ts';
import { type PipelineFigures, pipelineFigures } from './bench-steps/pipeline-figures.ts';
import { benchTable, ratiosOf } from './bench-steps/ratios.ts';

const USAGE = `Usage: scripts/bench [--quick] [--size GIB]... [--json FILE] [--no-write]

Measures, in one run on one machine, what Lifeboat's modes cost the users of a Neo4j beside what people do by hand, and writes
tables into docs/performance.md. Stores of 0.3, 1 and 4 GiB; --quick leaves 4 out; --size measures only those named.`;

interface Options {
  sizes: number[];
  json: string | undefined;
  write: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      size: { type: 'string', multiple: true },
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
  return { sizes, json: values.json, write: !values['no-write'] };
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
const say = (row: Row) => console.log(JSON.stringify(row));
const stores: Figures[] = [];
let pipeline: PipelineFigures;
try {
  for (const gib of [0, ...options.sizes]) stores.push(await measureStore(gib, say));
  pipeline = await pipelineFigures();
} finally {
  await takeDown(testbed);
}

const result = { ...ratiosOf(stores, pipeline), raw: { stores, pipeline } };
console.log(JSON.stringify({ ...result, raw: undefined }, null, 2));
if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
if (options.write) {
  const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  const machine = `Measured at ${stdout.trim()} with ${cpus().length} cores (${cpus()[0]?.model.trim()}), a load of ${load.toFixed(1)} before it began.`;
  await writeSection('bench', `${benchTable(stores, result)}\n\n${machine}`);
}
