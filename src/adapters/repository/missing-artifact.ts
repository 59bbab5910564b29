import pLimit from 'p-limit';
import type { Artifact } from '../../model/manifest.ts';
import type { Repository } from './repository.ts';

/** How many objects are looked for at the same time. */
const LOOKS = 8;

/**
 * Of artifacts that were stored, the first that is no longer there as it was: a pruner takes what no manifest speaks of. Asked just before a
 * manifest is written, which lists nothing that is not whole.
 */
export async function missingArtifact(
  repository: Repository,
  artifacts: readonly Artifact[],
  signal: AbortSignal,
): Promise<Artifact | undefined> {
  const there = await pLimit(LOOKS).map(artifacts, async ({ path, stored }) => {
    signal.throwIfAborted();
    return (await repository.head(path))?.bytes === stored.bytes;
  });
  return artifacts.find((_, at) => !there[at]);
}
