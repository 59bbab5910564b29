import { removeContainers } from '../adapters/docker/helper.ts';
import { removeVolume } from '../adapters/docker/volume.ts';
import { keptVolumes } from '../adapters/neo4j/staging.ts';
import { placeOf } from '../adapters/neo4j/swap.ts';
import { LABELS } from '../model/names.ts';
import { olderCopies } from '../model/older-copies.ts';
import { type RestorePlace, restorePlace } from '../model/restore-place.ts';
import type { Dependencies } from './dependencies.ts';
import type { ServiceStep } from './neo4j.ts';
import { type Step, step } from './step.ts';
import { type PlaceOfService, swapStep } from './swap-step.ts';

/** What a restore has kept of the old state. */
export interface KeptCopy {
  restore: string;
  bytes: number;
  record: KeptRecord | null;
  /** The volume that it is on, when it is not the service's own. */
  volume?: string;
}

export interface KeptRecord {
  set: string;
  repository: string;
  databases: string[];
  at: string;
}

/** One step of a restore where it works. */
type PlaceStep = ServiceStep & { place: RestorePlace };

/** What restores of Neo4j keep of the old stores: take it, give it back, list it, let it go. */
export function createKeptStoresActivities(deps: Dependencies) {
  return {
    /** Take what an earlier restore kept as the new stores of this one. */
    async adoptKept(input: PlaceStep & { restore: string; databases: string[] }): Promise<void> {
      await step('adopt', async (context) => {
        const kept = placeOf({ ...input.place, restore: input.restore });
        await swapStep(deps, input, 'adopt', [kept, ...input.databases], context);
      });
    },

    /** The undo failed: what it took goes back to where it was kept. */
    async returnKept(input: PlaceStep & { restore: string; databases: string[] }): Promise<void> {
      await step('return', async (context) => {
        const kept = placeOf({ ...input.place, restore: input.restore });
        await swapStep(deps, input, 'return', [kept, ...input.databases], context);
      });
    },

    /** After a restore, however it ended: what it only prepared goes; what it keeps, and what is not settled yet, stays. */
    async tidyRestore(input: PlaceStep): Promise<void> {
      await step('tidy', async (context) => {
        // A helper whose worker died may still write what is removed here.
        const { plan, place } = input;
        await removeContainers(deps.engine, { [LABELS.set]: place.restore, [LABELS.service]: plan.service });
        await tidyPlace(deps, input, context);
      });
    },

    /** Remove a restore's folder with all that it holds, and the volume that was made for it when nothing else is on it. */
    async forgetRestore(input: PlaceStep): Promise<void> {
      await step('forget', async (context) => {
        await forgetPlace(deps, input, context);
      });
    },

    /** Of several restores only what the last one replaced is kept: copies older than this one go. */
    async forgetOlder(input: ServiceStep & { kept: KeptCopy[] }): Promise<void> {
      await step('forget', async (context) => {
        await forgetCopies(deps, { ...input, place: restorePlace('', input.plan) }, input.kept, context);
      });
    },

    /** What restores have kept on the service's volume and on volumes of their own, newest first. */
    async listKept(input: ServiceStep): Promise<KeptCopy[]> {
      return await step('list kept', async (context) => {
        return await keptCopies(deps, { ...input, place: restorePlace('', input.plan) }, context);
      });
    },
  };
}

/**
 * What a restore only prepared goes: its folder on the service's volume, or, of a volume of its own, all that is not kept.
 * When it was the last that kept something, what earlier ones had kept goes too: its own run may have ended before it could see to that.
 */
export async function tidyPlace(deps: Dependencies, input: PlaceOfService, context: Step): Promise<void> {
  const { volume, restore } = input.place;
  // A helper that names a volume which is not there would make it.
  if (volume && !(await keptVolumes(deps.engine, input.plan.service)).includes(volume)) return;
  await swapStep(deps, input, 'tidy', [], context);
  await removeEmptied(deps, input, context);
  await forgetCopies(deps, input, olderCopies(restore, await keptCopies(deps, input, context)), context);
}

/** On all volumes that hold copies of a service, newest first; the place says where its data is. */
async function keptCopies(deps: Dependencies, input: PlaceOfService, context: Step): Promise<KeptCopy[]> {
  const found: KeptCopy[] = [];
  for (const volume of [undefined, ...(await keptVolumes(deps.engine, input.plan.service))]) {
    const place = restorePlace('', input.place, volume);
    const output = await swapStep(deps, { ...input, place }, 'list', [], context);
    found.push(...keptIn(output).map((one) => ({ ...one, ...(volume ? { volume } : {}) })));
  }
  return found.sort((a, b) => (a.restore < b.restore ? 1 : -1));
}

async function forgetCopies(
  deps: Dependencies,
  input: PlaceOfService,
  kept: KeptCopy[],
  context: Step,
): Promise<void> {
  for (const { restore, volume } of kept) {
    await forgetPlace(deps, { ...input, place: restorePlace(restore, input.place, volume) }, context);
  }
}

async function forgetPlace(deps: Dependencies, input: PlaceOfService, context: Step): Promise<void> {
  const { volume } = input.place;
  if (volume && !(await keptVolumes(deps.engine, input.plan.service)).includes(volume)) return;
  await swapStep(deps, input, 'forget', [], context);
  await removeEmptied(deps, input, context);
}

/** A volume that was made for a restore goes when nothing is kept or unsettled on it; else only the dumps on it go. */
async function removeEmptied(deps: Dependencies, input: PlaceOfService, context: Step): Promise<void> {
  const { volume } = input.place;
  if (volume === undefined) return;
  const all = { ...input, place: { ...input.place, restore: '' } };
  const listed = await swapStep(deps, all, 'list', [], context);
  if (/lifeboat:(kept|unfinished)/.test(listed)) await swapStep(deps, all, 'empty', [], context);
  else await removeVolume(deps.engine, volume);
}

/** What the helper that looked has printed, a line a copy. */
function keptIn(output: string): KeptCopy[] {
  return output.split('\n').flatMap((line): KeptCopy[] => {
    const found = /^lifeboat:kept (\S+) (\d+) (.*)$/.exec(line);
    if (!found?.[1]) return [];
    const record = JSON.parse(found[3] ?? 'null') as KeptRecord | null;
    return [{ restore: found[1], bytes: Number(found[2]) * 1024, record }];
  });
}
