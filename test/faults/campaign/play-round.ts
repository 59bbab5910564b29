import { setTimeout as sleep } from 'node:timers/promises';
import { damagedSets, lastGood, lostSets } from './catalog-whole.ts';
import type { FaultName } from './fault-names.ts';
import { INJECT } from './faults.ts';
import type { StartedOperation } from './injection.ts';
import { leftovers, openRuns, strayObjects } from './nothing-left.ts';
import { GRAPH, LOCAL, OFFSITE, VECTORS } from './operations.ts';
import { patiently, untilNone } from './patience.ts';
import type { PlannedFault, RoundPlan } from './plan-round.ts';
import { type Scene, TASK_QUEUE } from './scene.ts';
import { type Anchor, dataProblems, untilServing } from './services-whole.ts';

/** What a round came to. */
export interface RoundOutcome {
  /** Faults that were injected, and those that found nothing to break. */
  injected: FaultName[];
  missed: FaultName[];
  /** How each operation ended, for the reader. */
  ended: string[];
  /** Every promise that did not hold; empty: all did. */
  problems: string[];
  /** Seconds from the end of the last fault until both services answered. */
  restartSeconds: number;
}

/** How long it may take until no run is open: longer than the minute after which a copy is tried again (milliseconds). */
const QUIET_WITHIN_MS = 240_000;
/** How long it may take until nothing is left: a few looks of the watchdog (milliseconds). */
const CLEAN_WITHIN_MS = 60_000;
/** A fault whose activity does not come is injected after this all the same (milliseconds). */
const MOMENT_WITHIN_MS = 60_000;
/** What dead runs left in a repository is kept for eight days; the clock of the prune that looks after it is set past that. */
const PAST_GRACE_MS = (8 * 24 + 3) * 60 * 60 * 1000;

/** Play one round: operations, faults, and then everything that has to hold. */
export async function playRound(scene: Scene, anchor: Anchor, plan: RoundPlan): Promise<RoundOutcome> {
  const { writers, worker } = scene;
  await scene.useMode(plan.mode);
  const good = await lastGood(scene);
  const restoring = plan.operations.some(({ name }) => name === 'restore');
  // Writes that come while a restore runs are lost with the data that it replaces, as anybody expects.
  if (restoring) await pauseWriters(scene);
  else for (const writer of Object.values(writers)) writer.start();

  const watched = plan.faults.map((fault) => ({ fault, ...worker.watchFor(fault.moment) }));
  const started = await Promise.all(plan.operations.map((operation) => start(scene, anchor, operation)));
  const given = new AbortController();
  const over = Promise.all(started.map(({ handle }) => ended({ handle }, given.signal)));
  const injected: FaultName[] = [];
  const missed: FaultName[] = [];
  const injecting = Promise.all(
    watched.map(async ({ fault, id, reached }) => {
      await Promise.race([reached, over, sleep(MOMENT_WITHIN_MS, undefined, { ref: false })]);
      if (fault.moment.when === 'during') await sleep(fault.moment.delayMs);
      const goOn = () => worker.goOn(id);
      try {
        const done = await inject(scene, fault, started[0]!, goOn);
        (done ? injected : missed).push(fault.name);
      } finally {
        goOn();
      }
    }),
  );
  await injecting.catch(async (error: Error) => {
    // Its connection is closed next: nothing may still be asked by it then.
    given.abort();
    await over;
    throw error;
  });
  const faultsOver = Date.now();
  const problems = await untilServing(scene);
  const restartSeconds = (Date.now() - faultsOver) / 1000;
  await worker.ready();

  const outcomes = await over;
  problems.push(...(await untilNone(() => openRuns(scene), QUIET_WITHIN_MS)));
  problems.push(...(await untilNone(() => leftovers(scene), CLEAN_WITHIN_MS)));
  await pauseWriters(scene);
  const down = await untilServing(scene);
  problems.push(...down);
  // What does not answer can not be asked for its data.
  if (down.length === 0) problems.push(...(await dataProblems(scene, anchor, restoredBy(started, outcomes))));
  problems.push(...(await lostSets(scene, good)), ...(await damagedSets(scene)));
  for (const writer of Object.values(writers)) writer.start();
  if (problems.length === 0) problems.push(...(await worksOn(scene)));
  const described = started.map(({ name }, at) => `${name} ${outcomes[at]?.toLowerCase()}`);
  return { injected, missed, ended: described, problems, restartSeconds };
}

export async function pauseWriters({ writers }: Scene): Promise<void> {
  await Promise.all(Object.values(writers).map((writer) => writer.pause()));
}

async function inject(
  scene: Scene,
  fault: PlannedFault,
  aimed: StartedOperation,
  goOn: () => void,
): Promise<boolean> {
  return await INJECT[fault.name]({ scene, chance: fault.chance, aimed, goOn });
}

let runs = 0;

async function start(
  { client }: Scene,
  anchor: Anchor,
  operation: RoundPlan['operations'][number],
): Promise<StartedOperation> {
  const input = operation.name === 'restore' ? { ...operation.input, set: anchor.set } : operation.input;
  const handle = await patiently(() =>
    client.workflow.start(operation.name, {
      taskQueue: TASK_QUEUE,
      workflowId: `campaign/${operation.name}/${++runs}-${Date.now()}`,
      args: [input],
    }),
  );
  return { ...operation, input, handle: client.workflow.getHandle(handle.workflowId) };
}

/** Wait until a run is over; answers its status, `LOST` where Temporal has forgotten it. */
async function ended({ handle }: Pick<StartedOperation, 'handle'>, given: AbortSignal): Promise<string> {
  const until = Date.now() + QUIET_WITHIN_MS;
  while (Date.now() < until && !given.aborted) {
    const status = await handle.describe().then(
      ({ status }) => status.name,
      (error: Error) => (error.name === 'WorkflowNotFoundError' ? 'LOST' : 'RUNNING'),
    );
    if (status !== 'RUNNING') return status;
    await sleep(250);
  }
  return 'RUNNING';
}

/** How restores ended, by service. One that ended complete brought the anchor's data, whatever ran beside it. */
function restoredBy(started: StartedOperation[], outcomes: string[]): Parameters<typeof dataProblems>[2] {
  const restored: Parameters<typeof dataProblems>[2] = {};
  for (const [at, { name, input }] of started.entries()) {
    if (name !== 'restore') continue;
    for (const service of (input.services as (typeof GRAPH | typeof VECTORS)[]) ?? [GRAPH, VECTORS]) {
      if (outcomes[at] === 'COMPLETED') restored[service] = 'complete';
      else restored[service] ??= 'not';
    }
  }
  return restored;
}

/** Afterwards Lifeboat works as before: a new backup, a prune that collects what dead runs left, and a set that verifies. */
async function worksOn(scene: Scene): Promise<string[]> {
  const problems: string[] = [];
  const attempt = async (what: string, call: () => Promise<string[]>) => {
    const found = await call().catch((error: Error) => [rootOf(error)]);
    problems.push(...found.map((problem) => `${what}: ${problem}`));
  };
  let newest = '';
  await attempt('a new backup', async () => {
    const result = await execute<NewBackup>(scene, 'backup', { wait: true });
    newest = result.set;
    const whole =
      result.state === 'complete' && Object.values(result.repositories).every((one) => one === 'ok');
    return whole ? [] : [JSON.stringify(result)];
  });
  scene.worker.stepClock(PAST_GRACE_MS);
  await attempt('a prune after the grace', async () => {
    await execute(scene, 'prune', {});
    return await strayObjects(scene);
  });
  scene.worker.stepClock(0);
  for (const repository of [LOCAL, OFFSITE]) {
    await attempt(`verify in ${repository}`, async () => {
      await execute(scene, 'verify', { set: newest, repository });
      return [];
    });
  }
  await attempt('the catalog', () => damagedSets(scene));
  return problems;
}

interface NewBackup {
  set: string;
  state: string;
  repositories: Record<string, string>;
}

/** Run an operation to its end. */
export async function execute<T>({ client }: Scene, name: string, input: object): Promise<T> {
  const workflowId = `campaign/${name}/${++runs}-${Date.now()}`;
  const options = { taskQueue: TASK_QUEUE, workflowId, args: [input], workflowExecutionTimeout: '4 minutes' };
  return (await client.workflow.execute(name, options as Parameters<typeof client.workflow.execute>[1])) as T;
}

function rootOf(error: Error): string {
  let root = error;
  while (root.cause instanceof Error) root = root.cause;
  return root.message;
}
