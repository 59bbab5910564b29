import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeDown } from '../test/testbed/down.ts';
import { connectDocker } from '../test/testbed/engine.ts';
import { stateFile, type TestbedState } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';
import { partsOf, testFiles } from './test-files.ts';

const USAGE = `Usage: scripts/test [pattern...]
Runs all tests, with the type check, the linter and the look at the packages' licences and advisories before them, or the tests whose path holds one of the patterns.
Brings up a testbed with the parts that they need; LIFEBOAT_TESTBED=<state file> uses one that is up (scripts/testbed up).`;

const project = fileURLToPath(new URL('..', import.meta.url));

let running: ChildProcess | undefined;
let interrupted: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!interrupted) process.stderr.write('Interrupted: ending the tests and taking the testbed down ...\n');
    interrupted ??= signal;
    running?.kill('SIGTERM');
  });
}

interface Outcome {
  passed: boolean;
  output: string;
}

/** Run a program of the project's to its end; its output is kept, for when it fails. */
async function check(name: string, ...arguments_: string[]): Promise<Outcome> {
  const child = spawn(join(project, name), arguments_, { cwd: project });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  const [code] = await once(child, 'close');
  return { passed: code === 0, output: `${name} ${arguments_.join(' ')}:\n${output}` };
}

/** Every test file, worker and command is a process of its own that loads the same modules: a third of its time, unless they share what is compiled. */
async function withCompiled<T>(work: (environment: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-compiled-'));
  try {
    return await work({ NODE_COMPILE_CACHE: directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runTests(files: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const color = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(project, 'scripts/run-tests.ts'), ...files],
    {
      cwd: project,
      env: { ...process.env, ...environment, ...color },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  running = child;
  let tail = '';
  child.stdout.on('data', (data: Buffer) => {
    process.stdout.write(data);
    tail = (tail + data).slice(-1_000_000);
  });
  const [code] = await once(child, 'close');
  running = undefined;
  const summary = tail.split('\n').filter((line) => /ℹ (tests|pass|fail|cancelled|skipped) \d+/.test(line));
  // Details of failures come after the summary; say it again, so that it can be seen.
  if (code !== 0) process.stdout.write(`\n${summary.slice(-5).join('\n')}\n`);
  return code ?? 1;
}

/** What tests find in their environment: the testbed, and its engine for the `docker` program and for workers. */
async function environmentOf(file: string): Promise<NodeJS.ProcessEnv> {
  const { docker } = JSON.parse(readFileSync(file, 'utf8')) as TestbedState;
  if (!docker) return { LIFEBOAT_TESTBED: file };
  const { ApiVersion } = await connectDocker(docker.host).version();
  return { LIFEBOAT_TESTBED: file, DOCKER_HOST: docker.host, DOCKER_API_VERSION: ApiVersion };
}

async function main(patterns: string[]): Promise<number> {
  const files = testFiles(patterns);
  if (files.length === 0) {
    console.error(`No test file's path holds ${patterns.map((one) => `"${one}"`).join(' or ')}.`);
    return 2;
  }
  const parts = new Set(files.flatMap(partsOf));
  const given = process.env.LIFEBOAT_TESTBED;
  if (given && !existsSync(given)) {
    console.error(`There is no testbed: the state file ${given} (LIFEBOAT_TESTBED) does not exist.`);
    return 2;
  }
  const bin = 'node_modules/.bin';
  const checks =
    patterns.length > 0
      ? []
      : [
          check(`${bin}/tsc`, '--noEmit'),
          check(`${bin}/biome`, 'check', '--error-on-warnings'),
          check('scripts/supply-chain'),
        ];
  const own = !given && parts.size > 0 ? await bringUp({ parts: [...parts], owner: process.pid }) : undefined;
  try {
    const outcomes = await Promise.all(checks);
    const failed = outcomes.filter(({ passed }) => !passed);
    for (const { passed, output } of outcomes) {
      // Whether advisories could be asked for is said in any case.
      process.stdout.write(passed ? output.replace(/^(?!Advisories:).*\n/gm, '') : output);
    }
    if (interrupted) return 130;
    const file = given || (own && stateFile(own.id));
    const environment = file ? await environmentOf(file) : {};
    const code = await withCompiled(
      async (compiled) => await runTests(files, { ...environment, ...compiled }),
    );
    if (failed.length > 0)
      process.stdout.write('One of the checks before the tests failed: see above them.\n');
    return interrupted ? 130 : failed.length > 0 ? 1 : code;
  } finally {
    if (own) await takeDown(own);
  }
}

const patterns = process.argv.slice(2);
if (patterns.some((one) => one.startsWith('-'))) {
  const help = patterns.includes('--help') || patterns.includes('-h');
  (help ? console.log : console.error)(USAGE);
  process.exit(help ? 0 : 2);
}
try {
  process.exitCode = await main(patterns);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
