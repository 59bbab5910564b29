import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { writeSection } from './bench-steps/document-section.ts';
import { fleetFigures } from './bench-steps/fleet-figures.ts';
import { fleetTable } from './bench-steps/fleet-table.ts';
import { loseHost } from './fleet-steps/lost-host.ts';

const USAGE = `Usage: scripts/fleet [--hosts N]... [--json FILE] [--no-lost] [--no-write]

Backs up simulated fleets of 10, 100 and 1,000 hosts, or of N, with a real Temporal server, the real workflows of fleet and hosts, and
activities that only take time; says what a host costs, and writes a table into docs/performance.md. Then it loses a host at its work (two minutes;
--no-lost leaves it out).`;

interface Options {
  sizes: number[] | undefined;
  json: string | undefined;
  lost: boolean;
  write: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', multiple: true },
      json: { type: 'string' },
      'no-lost': { type: 'boolean', default: false },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const sizes = values.hosts?.map(Number);
  const wrong = sizes?.find((size) => !(Number.isInteger(size) && size >= 1 && size <= 5000));
  if (wrong !== undefined) throw new Error('--hosts must be a whole number from 1 to 5000.');
  return { sizes, json: values.json, lost: !values['no-lost'], write: !values['no-write'] };
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
const figures = await fleetFigures({
  ...(options.sizes && { sizes: options.sizes }),
  say: (row) => console.log(JSON.stringify(row)),
});
const lost = options.lost ? await loseHost() : null;
if (lost) console.log(JSON.stringify(lost));
if (options.json) await writeFile(options.json, `${JSON.stringify({ ...figures, lost }, null, 2)}\n`);
if (options.write) {
  const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  const machine = `Measured at ${stdout.trim()} with ${cpus().length} cores (${cpus()[0]?.model.trim()}), a load of ${load.toFixed(1)} before it began.`;
  await writeSection('fleet', `${fleetTable(figures, lost)}\n\n${machine}`);
}
