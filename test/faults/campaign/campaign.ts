import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHold } from '../../../src/adapters/repository/set-marks.ts';
import { workflowBundle } from '../../../src/worker/workflow-bundle.ts';
import { FAULTS, type FaultName } from './fault-names.ts';
import { GRAPH, VECTORS } from './operations.ts';
import { planRound, type RoundPlan, roundSeed } from './plan-round.ts';
import { execute, pauseWriters, playRound, type RoundOutcome } from './play-round.ts';
import { type Scene, setScene } from './scene.ts';
import type { Anchor } from './services-whole.ts';

export interface CampaignOptions {
  /** Of the first round; each further round has the next number. */
  seed: number;
  rounds: number;
  only?: FaultName;
  /** Rounds that are played at the same time, each on a scene of its own. Default 1. */
  atOnce?: number;
  /** What an interrupted campaign of the same seed came to: its rounds are not played again. */
  before?: Summary;
  /** Told after every round. */
  onRound?: (round: PlayedRound, soFar: Summary) => void | Promise<void>;
  /** No further round is begun. */
  signal?: AbortSignal;
}

export interface PlayedRound extends RoundOutcome {
  plan: RoundPlan;
  seconds: number;
}

/** What a campaign came to, as `--json` writes it. */
export interface Summary {
  seed: number;
  rounds: number;
  /** Rounds in which a promise did not hold. */
  broken: number;
  /** Their seeds. */
  brokenSeeds: number[];
  /** Seeds of all rounds that were played, in the order in which they ended. */
  played: number[];
  byFault: Record<string, { injected: number; broken: number }>;
  /** The longest time from the end of a fault until all services answered. */
  slowestRestartSeconds: number;
}

/** Play round after round on one scene; a round that broke something is followed by a new scene. */
export async function runCampaign(options: CampaignOptions): Promise<Summary> {
  const shared = await mkdtemp(join(tmpdir(), 'lifeboat-campaign-'));
  try {
    const bundle = join(shared, 'workflow-bundle.js');
    // Before the scenes are set: their first workers start at the same time, and each would make it.
    await workflowBundle({ file: bundle });
    return await playRounds(options, bundle);
  } finally {
    await rm(shared, { recursive: true, force: true });
  }
}

async function playRounds(options: CampaignOptions, bundle: string): Promise<Summary> {
  const { seed, rounds, only } = options;
  const names = only ? [only] : Object.keys(FAULTS);
  const summary: Summary = options.before ?? {
    ...{ seed, rounds: 0, broken: 0, brokenSeeds: [], played: [] },
    byFault: Object.fromEntries(names.map((name) => [name, { injected: 0, broken: 0 }])),
    slowestRestartSeconds: 0,
  };
  let next = 0;
  const playOn = async () => {
    let stage: { scene: Scene; anchor: Anchor } | undefined;
    try {
      while (next < rounds && !options.signal?.aborted) {
        const round = next++;
        if (summary.played.includes(roundSeed(seed, round))) continue;
        stage ??= await openStage(bundle);
        const played = await play(stage, planRound(roundSeed(seed, round), only));
        count(summary, played);
        await options.onRound?.(played, summary);
        if (played.problems.length > 0) {
          const { scene } = stage;
          stage = undefined;
          await scene.close();
        }
      }
    } finally {
      await stage?.scene.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.atOnce ?? 1, rounds) }, playOn));
  return summary;
}

function count(summary: Summary, { plan, injected, problems, restartSeconds }: PlayedRound): void {
  const broke = problems.length > 0 ? 1 : 0;
  summary.rounds += 1;
  summary.played.push(plan.seed);
  summary.broken += broke;
  if (broke) summary.brokenSeeds.push(plan.seed);
  for (const name of injected) {
    const counted = summary.byFault[name];
    if (!counted) continue;
    counted.injected += 1;
    counted.broken += broke;
  }
  const seconds = Math.round(restartSeconds * 10) / 10;
  summary.slowestRestartSeconds = Math.max(summary.slowestRestartSeconds, seconds);
}

async function play(
  { scene, anchor }: { scene: Scene; anchor: Anchor },
  plan: RoundPlan,
): Promise<PlayedRound> {
  const from = Date.now();
  const outcome = await playRound(scene, anchor, plan).catch(
    (error: Error): RoundOutcome => ({
      injected: plan.faults.map(({ name }) => name),
      missed: [],
      ended: [],
      problems: [`the round itself broke: ${error.stack}`],
      restartSeconds: 0,
    }),
  );
  if (outcome.problems.length > 0) {
    const log = join(tmpdir(), `lifeboat-faults-${plan.seed}.log`);
    await copyFile(join(scene.directory, 'worker.log'), log).catch(() => {});
    outcome.problems.push(`the worker's log is in ${log}`);
  }
  return { ...outcome, plan, seconds: Math.round((Date.now() - from) / 1000) };
}

/** A scene with records in both services and a held set of them, whose contents are known: what restores bring back. */
async function openStage(bundle: string): Promise<{ scene: Scene; anchor: Anchor }> {
  const scene = await setScene(bundle);
  try {
    const clients = Object.values(scene.writers);
    for (const client of clients) client.start();
    while (clients.some(({ acknowledged }) => acknowledged.size < 10)) await sleep(100);
    await pauseWriters(scene);
    const { set } = await execute<{ set: string }>(scene, 'backup', {});
    for (const repository of scene.repositories)
      await writeHold(repository, set, {
        time: new Date(),
        by: 'campaign',
        reason: 'its contents are known',
      });
    const [graph, vectors] = [scene.writers[GRAPH], scene.writers[VECTORS]];
    const records = { [GRAPH]: await graph.there(), [VECTORS]: await vectors.there() };
    return { scene, anchor: { set, records } };
  } catch (error) {
    await scene.close();
    throw error;
  }
}
