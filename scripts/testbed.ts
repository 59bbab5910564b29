import { Command } from 'commander';
import { takeDown } from '../test/testbed/down.ts';
import { isRunning } from '../test/testbed/process.ts';
import { stateFile, type TestbedState, testbeds } from '../test/testbed/state.ts';
import { PARTS, type Part } from '../test/testbed/testbed.ts';
import { bringUp } from '../test/testbed/up.ts';

const program = new Command('scripts/testbed')
  .description('Real servers to test against: a Docker engine, Neo4j, Temporal, S3, GCS, Qdrant.')
  .showHelpAfterError();

program
  .command('up')
  .description(`bring up a testbed and print its state file; parts: ${PARTS.join(' ')} (default: all)`)
  .argument('[parts...]')
  .option('--json', 'print the state itself')
  .action(async (names: string[], options: { json?: boolean }) => {
    const unknown = names.find((name) => !PARTS.includes(name as Part));
    if (unknown !== undefined) refuse(`There is no part "${unknown}"; there are: ${PARTS.join(', ')}.`);
    const state = await bringUp(names.length > 0 ? { parts: names as Part[] } : {});
    console.log(
      options.json ? JSON.stringify(state, null, 2) : `export LIFEBOAT_TESTBED=${stateFile(state.id)}`,
    );
  });

program
  .command('down')
  .description('remove a testbed with all its processes, containers and volumes')
  .argument('[id...]', 'which; needed when there are several')
  .option('--all', 'all that `up` brought up, and what killed runs left')
  .action(async (ids: string[], options: { all?: boolean }) => {
    const states = chosen(await testbeds(), ids, options.all ?? false);
    await Promise.all(states.map(takeDown));
    for (const { id } of states) console.log(`Testbed ${id} is gone.`);
  });

program
  .command('status')
  .description('show the testbeds that are up')
  .option('--json', 'as JSON')
  .action(async (options: { json?: boolean }) => {
    const states = await testbeds();
    if (options.json) return console.log(JSON.stringify(states, null, 2));
    if (states.length === 0) return console.log('No testbed is up.');
    for (const state of states) console.log(describe(state));
  });

function chosen(states: TestbedState[], ids: string[], all: boolean): TestbedState[] {
  const known = states.map((state) => state.id);
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown !== undefined)
    refuse(`There is no testbed "${unknown}"; there are: ${known.join(', ') || 'none'}.`);
  // A run that still goes on takes its testbed down itself.
  if (all) return states.filter((state) => !state.owner || !isRunning(state.owner));
  if (ids.length > 0) return states.filter((state) => ids.includes(state.id));
  if (states.length > 1) refuse(`There are several testbeds: ${known.join(', ')}. Name one, or say --all.`);
  if (states.length === 0) console.log('No testbed is up.');
  return states;
}

function describe(state: TestbedState): string {
  const ended = state.processes.filter((process) => !isRunning(process)).length;
  const lines = [
    `Testbed ${state.id}, up since ${state.startedAt}${state.owner ? `, of process ${state.owner.pid}` : ''}`,
    ['docker', state.docker?.host],
    ['neo4j', state.neo4jImage],
    ['temporal', state.temporal && `${state.temporal.address} ${state.temporal.uiUrl}`],
    ['s3', state.s3?.endpoint],
    ['gcs', state.gcs?.endpoint],
    ['qdrant', state.qdrant && `${state.qdrant.url}${state.qdrant.real ? '' : ' (stand-in)'}`],
    ['state', stateFile(state.id)],
    ['ended', ended > 0 ? `${ended} of its processes: take it down` : undefined],
  ];
  return lines
    .filter((line) => typeof line === 'string' || line[1] !== undefined)
    .map((line) => (typeof line === 'string' ? line : `  ${line[0]?.padEnd(9)} ${line[1]}`))
    .join('\n');
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

try {
  await program.parseAsync();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
