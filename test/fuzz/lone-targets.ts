import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import type { Reception } from './target.ts';
import { TARGETS } from './targets/index.ts';

/** What a thread is told that plays targets one after the other. */
export interface Assignment {
  targets: { name: string; runs: number }[];
  seed: number;
  /** A folder alone in another one. */
  sandbox: string;
  /** Counts the inputs that were begun, so that whoever watches sees one that never ends. */
  begun: Int32Array<SharedArrayBuffer>;
}

/** What it says at the end of each. */
export interface Answer {
  receptions: Record<Reception, number>;
  /** The smallest input that broke something, and how. */
  broken?: string;
}

/** The longest that is shown of an input (characters). */
const SHOWN = 2000;

async function play(
  { name, runs }: Assignment['targets'][number],
  { seed, sandbox, begun }: Assignment,
): Promise<Answer> {
  const target = TARGETS.find((one) => one.name === name);
  if (!target) throw new Error(`There is no target "${name}".`);
  // What the target before left there is not this one's.
  rmSync(sandbox, { recursive: true, force: true });
  const receptions = { taken: 0, refused: 0 };
  const property = fc.asyncProperty(target.inputs(sandbox), async (input) => {
    Atomics.add(begun, 0, 1);
    mkdirSync(sandbox, { recursive: true });
    receptions[await target.read(input, sandbox)] += 1;
    assert.deepEqual(Object.keys(Object.prototype), [], 'an input became part of every object');
    assert.deepEqual(readdirSync(dirname(sandbox)), ['sandbox'], 'a file stands outside of the sandbox');
  });
  const { failed, errorInstance, counterexample } = await fc.check(property, { numRuns: runs, seed });
  if (!failed) return { receptions };
  const shown = fc.stringify(counterexample).slice(0, SHOWN);
  const why = errorInstance instanceof Error ? errorInstance.stack : String(errorInstance);
  return { receptions, broken: `${shown}\n${why}` };
}

const assignment = workerData as Assignment;
for (const one of assignment.targets) parentPort?.postMessage(await play(one, assignment));
