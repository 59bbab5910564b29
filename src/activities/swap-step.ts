import { findContainer } from '../adapters/docker/container.ts';
import { runSwapStep } from '../adapters/neo4j/swap.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import type { Step } from './step.ts';

/** Where a restore of a service works. */
export interface PlaceOfService {
  plan: { service: string };
  place: RestorePlace;
}

/** Run one step of a swap on the stores of a service, in a helper of its container; answers what it printed. */
export async function swapStep(
  deps: Dependencies,
  input: PlaceOfService,
  name: Parameters<typeof runSwapStep>[1],
  words: string[],
  context: Step,
): Promise<string> {
  const { service } = input.plan;
  const container = await findContainer(deps.engine, neo4jNamed(deps.config(), service).target);
  const about = { service, runId: context.runId, container };
  return await runSwapStep(deps.engine, name, about, input.place, words, {
    signal: context.signal,
    keep: context.keep,
  });
}
