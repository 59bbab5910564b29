// needs: nothing
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type PlayedRound, runCampaign, type Summary } from './campaign/campaign.ts';
import { FAULTS, type FaultName } from './campaign/fault-names.ts';
import { notHere } from './campaign/scene.ts';

/** Eleven rounds from here plan every kind of fault, every mode and every operation. */
const SEED = 99_841;
const ROUNDS = 11;

// Its Qdrant is killed and started again, which is nothing to do to a server that was named.
describe('a short campaign of faults, with the stand-in for Qdrant', { skip: notHere() ?? false }, () => {
  const played: PlayedRound[] = [];
  const stop = new AbortController();
  after(() => stop.abort());

  const play = async (seed: number, rounds: number, only?: FaultName): Promise<Summary> =>
    await runCampaign({
      ...{ seed, rounds, atOnce: 2, signal: stop.signal },
      ...(only ? { only } : {}),
      onRound: (round) => void played.push(round),
    });

  test('holds every promise, whatever breaks', async (t) => {
    const { byFault } = await play(SEED, ROUNDS);
    const missed = Object.entries(byFault).flatMap(([name, { injected }]) =>
      injected === 0 ? [name as FaultName] : [],
    );
    // What it was aimed at was over before the fault came: it gets a round of its own.
    for (const [at, name] of missed.entries()) await play(SEED + ROUNDS + at, 1, name);
    for (const { plan, ended, injected, seconds } of played)
      t.diagnostic(
        `seed ${plan.seed} (${plan.mode}): ${ended.join(' + ')}; ${injected.join(', ')}; ${seconds} s`,
      );
    assert.deepEqual(
      played.filter(({ problems }) => problems.length > 0).map(({ plan, problems }) => [plan.seed, problems]),
      [],
    );
  });

  test('has met every kind of fault', () => {
    const met = new Set(played.flatMap(({ injected }) => injected));
    assert.equal(met.size, Object.keys(FAULTS).length, `met: ${[...met].sort().join(', ')}`);
  });
});
