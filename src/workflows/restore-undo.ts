import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { KeptSnapshot } from '../activities/kept-collections.ts';
import type { KeptCopy, KeptRecord } from '../activities/kept-stores.ts';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { RestoreInput } from '../model/inputs.ts';
import { restorePlace } from '../model/restore-place.ts';
import { compensate, inWindow, probe } from './activity-options.ts';
import { inCriticalSection } from './exclusive.ts';
import { causeOf, fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';
import { undoQdrant } from './undo-qdrant.ts';

/** What the newest restore that kept something of a service has kept of it. */
type Kept = { service: string; restore: string } & (
  | { kind: 'neo4j'; plan: Neo4jPlan; copy: KeptCopy & { record: KeptRecord } }
  | { kind: 'qdrant'; snapshots: KeptSnapshot[] }
);

/**
 * Bring back what the last restore replaced, of all services that it replaced something of; what serves now is kept in its turn. What
 * an earlier restore has kept of other services stays: it is not older by one restore, but by all that was written since.
 */
export async function undoRestore(
  input: RestoreInput,
  restore: string,
  report: ProgressReport,
): Promise<RestoredService[]> {
  const { services } = await probe('Plan the undo').planRun({ services: input.services });
  const found: Kept[] = [];
  for (const { name, kind } of services) {
    const newest = kind === 'neo4j' ? await keptStores(name) : await keptCollections(name, input.collections);
    if (newest) found.push(newest);
  }
  const last = found
    .map((one) => one.restore)
    .sort()
    .at(-1);
  if (last === undefined) {
    throw fail(
      'NothingToUndo',
      'No service has kept anything that a restore replaced: there is nothing to undo.',
    );
  }
  const wanted = found.filter((one) => one.restore === last);
  if (input.dryRun) return wanted.map(outline);
  const undone: RestoredService[] = [];
  for (const kept of wanted) {
    const options = { restore, report, wait: input.wait ?? false };
    try {
      undone.push(kept.kind === 'neo4j' ? await undoNeo4j(kept, options) : await undoQdrant(kept, options));
    } catch (error) {
      if (isCancellation(error) || undone.length === 0) throw error;
      const { type, message } = causeOf(error);
      const back = undone.map(({ service }) => service).join(', ');
      throw fail(
        'RestoreFailed',
        `${message} What ${last} had replaced of ${back} is back already: undo the rest with the service named ("services": ["${kept.service}"]).`,
        { cause: type },
      );
    }
  }
  return undone;
}

async function keptStores(service: string): Promise<Kept | undefined> {
  const plan = await probe(`Look at ${service}`).planNeo4j({ service });
  const [newest] = await probe(`See what ${service} has kept`).listKept({ set: '', plan });
  if (!newest?.record) return undefined;
  const { restore, record } = newest;
  return { kind: 'neo4j', service, restore, plan, copy: { ...newest, record } };
}

/** Of the named collections, or of any. */
async function keptCollections(
  service: string,
  collections: string[] | undefined,
): Promise<Kept | undefined> {
  const all = await probe(`See what ${service} has kept`).listKeptSnapshots({ service });
  const asked = all.filter(({ collection }) => collections?.includes(collection) ?? true);
  const restore = asked[0]?.restore;
  if (restore === undefined) return undefined;
  return { kind: 'qdrant', service, restore, snapshots: asked.filter((one) => one.restore === restore) };
}

/** What would be brought back. */
function outline(kept: Kept): RestoredService {
  const { service, restore } = kept;
  const nothingYet = { service, offlineSeconds: 0, compared: false, kept: restore };
  return kept.kind === 'neo4j'
    ? { ...nothingYet, databases: kept.copy.record.databases }
    : { ...nothingYet, collections: [...new Set(kept.snapshots.map(({ collection }) => collection))] };
}

async function undoNeo4j(
  { service, restore: undone, plan, copy }: Extract<Kept, { kind: 'neo4j' }>,
  { restore, report, wait }: { restore: string; report: ProgressReport; wait: boolean },
): Promise<RestoredService> {
  const at = { set: restore, plan };
  const { databases } = copy.record;
  const place = restorePlace(restore, plan, copy.volume);
  let swapped = false;
  try {
    report.service(service, `bringing back what ${undone} replaced`);
    await inWindow('Write down what is replaced').recordRestore({
      ...at,
      place,
      record: { ...copy.record, at: new Date().toISOString() },
    });
    await inWindow(`Take what ${undone} kept`).adoptKept({ ...at, place, restore: undone, databases });
    const section = await inCriticalSection(
      {
        ...at,
        window: 'offline',
        work: { kind: 'swap', swap: { place, databases }, expected: null },
        hold: false,
      },
      { wait },
    );
    swapped = true;
    report.line(`${service} has again what ${undone} had replaced.`);
    await compensate('Forget the undone restore').forgetRestore({
      ...at,
      place: restorePlace(undone, plan, copy.volume),
    });
    const { offlineSeconds } = section;
    return { service, databases, offlineSeconds, compared: false, kept: restore };
  } finally {
    // The kept copy is the only one: after a failure it goes back to where it was found.
    if (!swapped) {
      await CancellationScope.nonCancellable(async () => {
        await compensate('Give the kept copy back').returnKept({ ...at, place, restore: undone, databases });
      });
    }
  }
}
