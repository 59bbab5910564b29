import { messageOf } from '../src/model/failures.ts';
import { bringUp } from '../test/testbed/up.ts';
import { tellAddedTime } from './quickstart-steps/added-time.ts';
import { cleanUp, type Remains } from './quickstart-steps/clean-up.ts';
import { destroyAndRestore } from './quickstart-steps/destroy-and-restore.ts';
import { awaitInterruption, Interrupted } from './quickstart-steps/interruption.ts';
import { recordMade, removeLeftovers } from './quickstart-steps/made.ts';
import { Narration, seconds } from './quickstart-steps/narration.ts';
import { type Options, readOptions, USAGE } from './quickstart-steps/options.ts';
import { proveSet } from './quickstart-steps/prove-set.ts';
import { requireNoVectors } from './quickstart-steps/sample-vectors.ts';
import { setUp } from './quickstart-steps/set-up.ts';
import type { Stage } from './quickstart-steps/stage.ts';
import { tellWhatToTry } from './quickstart-steps/stay-up.ts';
import { takeBackup } from './quickstart-steps/take-backup.ts';

const narration = new Narration();
const remains: Remains = {};
const began = performance.now();
const elapsed = (): string => seconds((performance.now() - began) / 1000);

/** Bring the servers up, and note what there is to remove at the end. */
async function startServers(): Promise<void> {
  narration.heading('Servers: Docker engine, Neo4j image, Temporal, S3, Qdrant');
  const testbed = await bringUp({
    parts: ['docker', 'neo4j', 'temporal', 's3', 'qdrant'],
    owner: process.pid,
  });
  remains.testbed = testbed;
  if (!testbed.qdrant) throw new Error('There is no Qdrant server and no stand-in for one.');
  const removed = await removeLeftovers(testbed);
  if (removed > 0) narration.fact('Left-overs', `what ${removed} killed quickstart left is removed`);
  // Before it is written down what is this run's to remove.
  await requireNoVectors(testbed.qdrant);
  remains.made = await recordMade(testbed);
  narration.fact('Up after', elapsed());
  narration.fact('Temporal UI', testbed.temporal?.uiUrl || 'at an address that was not given');
}

async function demonstrate(): Promise<Stage> {
  if (!remains.testbed || !remains.made) throw new Error('The servers are not up.');
  const stage = await setUp(remains.testbed, remains.made, narration);
  remains.stage = stage;
  const whole = await takeBackup(stage);
  await proveSet(stage, whole.result.set);
  await destroyAndRestore(stage, whole.result.set);
  await tellAddedTime(stage, whole);
  narration.tell('', `Everything agreed, after ${elapsed()} in all.`);
  return stage;
}

/** @returns the exit code: 0 when everything agreed, 130 when it was interrupted before that. */
async function main({ once }: Options): Promise<number> {
  const interruption = awaitInterruption();
  const starting = startServers();
  const work = starting.then(async () => (interruption.happened ? undefined : await demonstrate()));
  let code = 1;
  try {
    const stage = await Promise.race([work, interruption.promise]);
    code = 0;
    if (stage && !once) {
      tellWhatToTry(stage);
      await interruption.promise;
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) process.stderr.write(`\n${messageOf(error).trim()}\n`);
    else if (code !== 0) code = 130;
  }
  try {
    // What is just starting can't be stopped half-way: it is ended as soon as it is up.
    await starting.catch(() => undefined);
    await cleanUp(remains, work);
    process.stdout.write('\nEverything that was made is removed again.\n');
  } catch (error) {
    process.stderr.write(`\nNot everything could be removed: ${messageOf(error)}\n`);
    code ||= 1;
  }
  return code;
}

function options(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}\n`);
    process.exit(2);
  }
}

const given = options();
if (given.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
// Connections that nobody needs any more may still be open.
process.exit(await main(given));
