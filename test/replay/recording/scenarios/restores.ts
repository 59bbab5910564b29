import { breakRun, type Fault } from '../../../faults/broken-run.ts';
import type { Scenario } from '../record.ts';

const graph = { services: ['graph'], repository: 'local' };

const broken = (name: string, step: string, fault: Fault): Scenario => ({
  name,
  async play({ lifeboat, set }) {
    const input = { ...graph, set: await set() };
    return await breakRun(lifeboat, { service: 'graph', workflow: 'restore', input, step, fault });
  },
});

const restored = (name: string, more: object): Scenario => ({
  name,
  play: async ({ run, set }) => await run('restore', { ...graph, set: await set(), ...more }),
});

/** Restores of Neo4j: as planned, in every way that differs, and broken so that the old stores come back. */
export const RESTORES: Scenario[] = [
  restored('restore', {}),
  restored('restore-dry-run', { dryRun: true }),
  restored('restore-elsewhere', { stage: 'elsewhere' }),
  restored('restore-system', { system: true }),
  restored('restore-clear', { clear: true, confirm: 'graph' }),
  restored('restore-unconfirmed', { clear: true }),
  {
    name: 'restore-undo',
    async play({ run, set }) {
      await run('restore', { ...graph, set: await set() });
      return await run('restore', { services: ['graph'], undo: true });
    },
  },
  {
    name: 'restore-left-stopped',
    async play({ run, set, lifeboat, server }) {
      const input = { ...graph, set: await set() };
      const container = lifeboat.engine.getContainer(server.containerName);
      await container.stop({ t: 60 });
      const handle = await run('restore', input);
      await container.start();
      await server.untilServing();
      return handle;
    },
  },
  broken('restore-rolled-back', 'compareRestored', 'failure'),
  broken('restore-cancelled', 'swapStores', 'cancel'),
  broken('restore-worker-lost', 'swapStores', 'kill -9'),
];
