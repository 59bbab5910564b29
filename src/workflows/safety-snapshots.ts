import type { KeptSnapshot } from '../activities/kept-collections.ts';
import type { SnapshotReference } from '../activities/qdrant.ts';
import { probe, transfer } from './activity-options.ts';

/**
 * Before a collection is replaced: a snapshot of it on each of these nodes, kept for whoever brings it back. Each is added to `safety` as soon as it is there, so that what
 * fails after it can be gone back from.
 */
export async function takeSafetySnapshots(
  of: {
    service: string;
    collection: string;
    nodes: string[];
    /** What an undo has to know beside it. */
    kept: Pick<KeptSnapshot, 'restore' | 'set' | 'at' | 'aliases'>;
  },
  safety: SnapshotReference[],
): Promise<void> {
  const { service, collection, nodes, kept } = of;
  for (const node of nodes) {
    const at = { service, node, collection };
    const known = await probe(`See which snapshots of ${collection} are not ours`).listSnapshots(at);
    safety.push(
      await transfer(`Take a safety snapshot of ${collection}`).takeSnapshot({ ...at, known, kept }),
    );
  }
}
