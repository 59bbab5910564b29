import { breakRun } from '../../../faults/broken-run.ts';
import type { Scenario } from '../record.ts';

const vectors = { services: ['vectors'], repository: 'local' };

/** Restores of Qdrant's collections. */
export const VECTOR_RESTORES: Scenario[] = [
  {
    name: 'restore-vectors',
    play: async ({ run, set }) => await run('restore', { ...vectors, set: await set() }),
  },
  {
    name: 'restore-vectors-into',
    async play({ run, set, notes, collections }) {
      const to = collections.unique('notes_restored');
      const into = { [notes]: to };
      const handle = await run('restore', { ...vectors, set: await set(), into, switchAlias: true });
      await collections.qdrant.setAliases(notes, [collections.unique('now')]);
      await collections.drop(to);
      return handle;
    },
  },
  {
    name: 'restore-vectors-undo',
    async play({ run, set }) {
      await run('restore', { ...vectors, set: await set() });
      return await run('restore', { services: ['vectors'], undo: true });
    },
  },
  {
    name: 'restore-vectors-rolled-back',
    async play({ lifeboat, set }) {
      const input = { ...vectors, set: await set() };
      const at = { service: 'vectors', workflow: 'restore', step: 'compareCollection' };
      return await breakRun(lifeboat, { ...at, input, fault: 'failure' });
    },
  },
];
