import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { RestoreResult } from '../../src/workflows/restore.ts';
import { neo4jSection, startLifeboat } from '../../test/workflows/lifeboat.ts';
import { type ByHand, loadByHand } from './by-hand.ts';
import { type Row, watchRestore } from './watched-way.ts';

/**
 * Restore one store by hand (stop, load over the old store, start) and by Lifeboat (load and check beside it, stop, two renames, start,
 * compare), from the same dump.
 */
export async function measureRestores(on: ByHand, gib: number): Promise<Row[]> {
  const { server } = on;
  const lifeboat = await startLifeboat({ services: { graph: neo4jSection(server) } });
  try {
    const { set } = await lifeboat.run<BackupResult>('backup');
    const dumps = join(lifeboat.directory, 'dumps');
    await mkdir(dumps);
    await copyFile(
      join(lifeboat.directory, 'repository', 'sets', set, 'graph', 'neo4j.dump'),
      join(dumps, 'neo4j.dump'),
    );
    // Neo4j reads it as a user of its own.
    await chmod(lifeboat.directory, 0o755);
    await chmod(join(dumps, 'neo4j.dump'), 0o644);
    const byHand = await watchRestore(server, gib, 'by hand', async () => {
      await loadByHand(on, dumps);
      return undefined;
    });
    const byLifeboat = await watchRestore(
      server,
      gib,
      'lifeboat',
      async () => (await lifeboat.run<RestoreResult>('restore', { set })).seconds,
    );
    return [byHand, byLifeboat];
  } finally {
    await lifeboat.close();
  }
}
