import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import { compensate } from './activity-options.ts';

/**
 * However a restore ended: remove what it staged and prepared, but for what it keeps. By the staging volume the watchdog finds what was prepared
 * beside the stores, so it goes last; a volume that holds the copy goes by what is on it.
 */
export async function leaveNothing(at: { set: string; plan: Neo4jPlan; place: RestorePlace }): Promise<void> {
  const { set, plan, place } = at;
  const { service } = plan;
  const tidy = async () => await compensate(`Remove what ${service} does not keep`).tidyRestore(at);
  if (place.volume === undefined) await tidy();
  await compensate(`Remove what ${service} staged`).removeStaging({ set, service });
  if (place.volume !== undefined) await tidy();
}
