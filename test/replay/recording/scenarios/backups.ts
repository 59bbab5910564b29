import type { Scenario } from '../record.ts';

const local = { repositories: ['local'] };

/** Backups that go well, in every mode. */
export const BACKUPS: Scenario[] = [
  { name: 'backup-dump', play: async ({ run }) => await run('backup', { ...local, services: ['graph'] }) },
  { name: 'backup-copy', play: async ({ run }) => await run('backup', { ...local, services: ['copied'] }) },
  { name: 'backup-freeze', play: async ({ run }) => await run('backup', { ...local, services: ['frozen'] }) },
  {
    name: 'backup-replicated',
    play: async ({ run }) =>
      await run('backup', { services: ['vectors'], repositories: ['local', 'offsite'] }),
  },
  {
    name: 'backup-consistent',
    play: async ({ run }) =>
      await run('backup', { ...local, services: ['graph', 'vectors'], consistent: true }),
  },
  {
    name: 'backup-left-stopped',
    async play({ run, lifeboat, server }) {
      const container = lifeboat.engine.getContainer(server.containerName);
      await container.stop({ t: 60 });
      const handle = await run('backup', { ...local, services: ['graph'] });
      await container.start();
      await server.untilServing();
      return handle;
    },
  },
];
