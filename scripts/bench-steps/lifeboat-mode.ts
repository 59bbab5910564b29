import type { CaptureMode } from '../../src/model/capture-mode.ts';
import type { Neo4jRecord } from '../../src/model/manifest.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { type Lifeboat, neo4jSection, startLifeboat } from '../../test/workflows/lifeboat.ts';

/** One way of Lifeboat's to take a backup. */
export interface Way {
  mode: CaptureMode;
  preCopy: boolean;
}

/** How a backup by Lifeboat went. */
export interface Taken {
  seconds: number;
  record: Neo4jRecord;
}

/**
 * Back up a server with a worker of its own.
 * @param change is made when the first copy is there and the window is not open yet; the time that the backup waits for it is none of its own.
 */
export async function takeByLifeboat(
  server: Neo4jServer,
  way: Way,
  change?: () => Promise<void>,
): Promise<Taken> {
  const lifeboat = await startLifeboat({ services: { graph: neo4jSection(server, { ...way }) } });
  try {
    const { handle, waitedSeconds } = change
      ? await changedBeforeWindow(lifeboat, change)
      : { handle: await lifeboat.start('backup'), waitedSeconds: 0 };
    const result = (await handle.result()) as BackupResult;
    const [set] = await lifeboat.sets();
    const record = set && 'manifest' in set ? set.manifest.services[0] : undefined;
    if (record?.kind !== 'neo4j') throw new Error(`The set ${result.set} tells nothing of Neo4j.`);
    if (record.mode !== way.mode) {
      throw new Error(`Mode ${way.mode} gave way to ${record.mode}: ${JSON.stringify(record.fallbacks)}`);
    }
    return { seconds: result.seconds - waitedSeconds, record };
  } finally {
    await lifeboat.close();
  }
}

async function changedBeforeWindow(lifeboat: Lifeboat, change: () => Promise<void>) {
  const { handle, goOn } = await lifeboat.startBroken({ activity: 'standByToCopy', how: 'stall' }, 'backup');
  const since = performance.now();
  await change();
  await goOn();
  return { handle, waitedSeconds: (performance.now() - since) / 1000 };
}
