import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { breakRun } from '../../../faults/broken-run.ts';
import { copyRepository, flipBit } from '../../../workflows/copied-repository.ts';
import type { Scenario } from '../record.ts';
import type { Scene } from '../scene.ts';

/** Drills and verifications, of what is whole and of what is not. */
export const DRILLS: Scenario[] = [
  {
    name: 'drill',
    play: async ({ run, set }) => await run('drill', { set: await set(), repository: 'local' }),
  },
  {
    name: 'drill-cancelled',
    async play({ lifeboat, set }) {
      const input = { set: await set(), repository: 'local' };
      const at = { service: 'graph', workflow: 'drill', step: 'describeSandbox' };
      return await breakRun(lifeboat, { ...at, input, fault: 'cancel' });
    },
  },
  { name: 'drill-damaged', play: async (scene) => await onDamaged(scene, 'drill') },
  {
    name: 'verify',
    play: async ({ run, set }) => await run('verify', { set: await set(), repository: 'local' }),
  },
  { name: 'verify-damaged', play: async (scene) => await onDamaged(scene, 'verify') },
];

/** On a copy of a repository, in which one bit of a snapshot is another. */
async function onDamaged({ run, set, folder, notes }: Scene, workflow: string) {
  const id = await set();
  const damaged = folder('damaged');
  await rm(damaged, { recursive: true, force: true });
  await copyRepository(folder('local'), damaged, id);
  await flipBit(join(damaged, 'sets', id, 'vectors', `${notes}.snapshot.zst`));
  return await run(workflow, { set: id, repository: 'damaged' });
}
