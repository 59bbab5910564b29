import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PlayedRound, runCampaign, type Summary } from '../test/faults/campaign/campaign.ts';
import { type FaultsOptions, parseOptions, USAGE } from '../test/faults/campaign/options.ts';
import { writeFigures } from '../test/faults/campaign/report.ts';

const DOCUMENT = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));

/** Break a real installation in random, repeatable ways, and see that every promise holds. */
async function main(options: FaultsOptions): Promise<number> {
  const { json, only } = options;
  if (json) {
    await access(dirname(resolve(json)), constants.W_OK).catch(() => {
      throw new Error(`--json ${json}: its folder is not there, or can not be written to.`);
    });
  }
  const before = options.goOn && json ? await campaignOf(json, options.seed) : undefined;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  console.log(`seed ${options.seed}, ${options.rounds} rounds`);
  const summary = await runCampaign({
    ...options,
    ...(before && { before }),
    signal: stop.signal,
    async onRound(round, soFar) {
      console.log(lineOf(round, soFar, only));
      if (json) await writeFile(json, `${JSON.stringify(soFar, null, 2)}\n`);
    },
  });
  if (options.write) await writeFigures(DOCUMENT, summary);
  console.log(`${summary.rounds - summary.broken} rounds held, ${summary.broken} broken`);
  return summary.broken > 0 ? 1 : 0;
}

/** The campaign that a file tells of; undefined where there is no file yet. */
async function campaignOf(file: string, seed: number): Promise<Summary | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const summary = JSON.parse(text) as Partial<Summary>;
  if (summary.seed !== seed || !Array.isArray(summary.played))
    throw new Error(`--go-on: ${file} does not tell of a campaign with --seed ${seed}.`);
  return summary as Summary;
}

function lineOf(round: PlayedRound, { rounds }: Summary, only: string | undefined): string {
  const { plan, ended, injected, missed, problems, seconds, restartSeconds } = round;
  const moments = plan.faults.map(
    ({ name, moment }) =>
      `${name} ${moment.when} ${moment.activity}${missed.includes(name) ? ' (too late)' : ''}`,
  );
  const head = `${rounds}  seed ${plan.seed} (${plan.mode})  ${ended.join(' + ')}: ${moments.join(', ')}`;
  if (problems.length === 0) return `${head}: held (${seconds} s, up after ${restartSeconds.toFixed(1)} s)`;
  const again = `scripts/faults --seed ${plan.seed} --rounds 1${only ? ` --only ${only}` : ''}`;
  return [
    `${head}: BROKEN (${injected.join(', ')})`,
    ...problems.map((one) => `   ${one}`),
    `   again: ${again}`,
  ].join('\n');
}

let options: FaultsOptions;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`scripts/faults: ${(error as Error).message}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  process.exitCode = await main(options);
} catch (error) {
  console.error(`scripts/faults: ${(error as Error).message}`);
  process.exitCode = 2;
}
