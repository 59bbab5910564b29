import { setTimeout as sleep } from 'node:timers/promises';
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

/** Back up a server with a worker of its own. @param meanwhile is run once the helper that copies is at work. */
export async function takeByLifeboat(
  server: Neo4jServer,
  way: Way,
  meanwhile?: () => Promise<void>,
): Promise<Taken> {
  const lifeboat = await startLifeboat({ services: { graph: neo4jSection(server, { ...way }) } });
  try {
    const handle = await lifeboat.start('backup');
    if (meanwhile) {
      await untilCopying(lifeboat);
      await meanwhile();
    }
    const result = (await handle.result()) as BackupResult;
    const [set] = await lifeboat.sets();
    const record = set && 'manifest' in set ? set.manifest.services[0] : undefined;
    if (record?.kind !== 'neo4j') throw new Error(`The set ${result.set} tells nothing of Neo4j.`);
    if (record.mode !== way.mode) {
      throw new Error(`Mode ${way.mode} gave way to ${record.mode}: ${JSON.stringify(record.fallbacks)}`);
    }
    return { seconds: result.seconds, record };
  } finally {
    await lifeboat.close();
  }
}

async function untilCopying(lifeboat: Lifeboat): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const helpers = await lifeboat.engine.listContainers({
      filters: JSON.stringify({ name: ['lifeboat-copy-'] }),
    });
    if (helpers.length > 0) return;
    await sleep(50);
  }
  throw new Error('No helper copied within half a minute.');
}
