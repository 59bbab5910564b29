import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULTS, type Fault } from '../test/faults/broken-run.ts';
import { type Outcome, STEPS, type Step, startMatrix } from '../test/faults/restore-matrix.ts';
import { takeDown } from '../test/testbed/down.ts';
import { stateFile } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';

/**
 * Break a restore of a real Neo4j at every step with every fault, and write what served afterwards into docs/reliability.md.
 * Exit status 1 when any promise was broken.
 */
const DOCUMENT = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));
const [BEGIN, END] = ['<!-- restore matrix: begin -->', '<!-- restore matrix: end -->'];

const { values } = parseArgs({
  options: { write: { type: 'boolean' }, step: { type: 'string', multiple: true } },
});
const steps = values.step ? STEPS.filter((step) => values.step?.includes(step)) : STEPS;

const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
let broken = 0;
try {
  const matrix = await startMatrix();
  try {
    for (const step of steps) {
      const row = new Map<Fault, Outcome>();
      for (const fault of FAULTS) {
        const outcome = await matrix.attempt(step, fault);
        if (outcome.startsWith('BROKEN')) broken += 1;
        row.set(fault, outcome);
        console.log(`${step.padEnd(18)} ${fault.padEnd(10)} ${outcome}`);
      }
      if (values.write) await write(step, row);
    }
  } finally {
    await matrix.close();
  }
} finally {
  await takeDown(testbed);
}

console.log(`${steps.length * FAULTS.length - broken} held, ${broken} broken`);
process.exitCode = broken > 0 ? 1 : 0;

/** Put the row of one step into the table, at its place; rows of steps that there are no more go. */
async function write(step: Step, row: Map<Fault, Outcome>): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8');
  const [head = '', rest = ''] = text.split(BEGIN);
  const [before = '', tail = ''] = rest.split(END);
  const lines = new Map(
    [...before.matchAll(/^\| `(\w+)` .*$/gm)].map(([line, name]): [string, string] => [name ?? '', line]),
  );
  lines.set(step, `| \`${step}\` | ${FAULTS.map((fault) => row.get(fault) ?? '').join(' | ')} |`);
  const table = [
    `| after step | ${FAULTS.join(' | ')} |`,
    `| --- | ${FAULTS.map(() => '---').join(' | ')} |`,
    ...STEPS.flatMap((one) => lines.get(one) ?? []),
  ].join('\n');
  await writeFile(DOCUMENT, `${head}${BEGIN}\n\n${table}\n\n${END}${tail}`);
}
