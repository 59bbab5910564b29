import { parseArgs } from 'node:util';
import { recordScenario } from '../test/replay/recording/record.ts';
import { SCENARIOS } from '../test/replay/recording/scenarios/index.ts';
import { setScene } from '../test/replay/recording/scene.ts';
import { takeDown } from '../test/testbed/down.ts';
import { stateFile } from '../test/testbed/state.ts';
import { bringUp } from '../test/testbed/up.ts';

const USAGE = `Usage: scripts/record-histories [NAME...]
Runs real operations on a testbed of its own, and writes the histories of their workflows to test/replay/histories/<version>,
in place of those that these scenarios left there before. Without a name: all scenarios.
Scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}`;

/** Answers how many scenarios could not be recorded. */
async function main(names: string[]): Promise<number> {
  const unknown = names.find((name) => !SCENARIOS.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`There is no scenario "${unknown}".\n${USAGE}`);
  const wanted = names.length > 0 ? SCENARIOS.filter(({ name }) => names.includes(name)) : SCENARIOS;
  const testbed = await bringUp({ parts: ['docker', 'neo4j', 'temporal'], owner: process.pid });
  process.env.LIFEBOAT_TESTBED = stateFile(testbed.id);
  if (testbed.docker) process.env.DOCKER_HOST = testbed.docker.host;
  try {
    const scene = await setScene();
    try {
      let failed = 0;
      for (const scenario of wanted) {
        try {
          const files = await recordScenario(scene, scenario);
          console.log(`${scenario.name}: ${files.join(', ')}`);
        } catch (error) {
          failed += 1;
          console.error(`${scenario.name} is not recorded: ${(error as Error).message}`);
          // It may have been left at a step where it waits.
          await scene.lifeboat.worker.kill('SIGKILL');
          await scene.lifeboat.startWorker();
        }
      }
      return failed;
    } finally {
      await scene.close();
    }
  } finally {
    await takeDown(testbed);
  }
}

try {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help) console.log(USAGE);
  else process.exitCode = (await main(positionals)) > 0 ? 1 : 0;
} catch (error) {
  console.error(`scripts/record-histories: ${(error as Error).message}`);
  process.exitCode = 1;
}
// A scene that could not be set may leave servers that would keep this process.
process.exit();
