import { CancellationScope } from '@temporalio/workflow';
import type { CollectionRestore } from '../activities/restore-qdrant.ts';
import { DRILL_COLLECTION } from '../model/names.ts';
import { compensate, inWindow, transfer } from './activity-options.ts';
import type { DrilledService } from './drill-neo4j.ts';
import type { ProgressReport } from './progress.ts';

/** The name of a drill's own collection: nobody else's begins like this. */
export const sandboxCollection = (drill: string, collection: string): string =>
  `${DRILL_COLLECTION}${drill}-${collection}`;

/** Restore every collection of a Qdrant service under a name of the drill's own, compare it, and delete it. */
export async function drillQdrant(
  service: string,
  collections: CollectionRestore[],
  options: { drill: string; repository: string; report: ProgressReport },
): Promise<DrilledService> {
  const { drill, repository, report } = options;
  const began = Date.now();
  const differences: string[] = [];
  report.service(service, 'restoring into sandbox collections');
  for (const collection of collections) {
    try {
      await inWindow(`Record the sandbox of ${collection.from}`).recordSandboxCollection({
        service,
        collection: collection.to,
      });
      for (const part of collection.parts.keys()) {
        await transfer(`Upload ${collection.from} into the sandbox`, { attempts: 4 }).uploadArtifact({
          restore: drill,
          repository,
          collection,
          part,
        });
      }
      const found = await inWindow(`Compare ${collection.from}`).compareCollection({
        collection: { ...collection, exists: false },
      });
      differences.push(...found.map((text) => `${collection.from}: ${text}`));
    } finally {
      await CancellationScope.nonCancellable(async () => {
        await compensate(`Delete the sandbox of ${collection.from}`).deleteCollection({
          service,
          collection: collection.to,
        });
      });
    }
  }
  const verdict = differences.length === 0 ? 'ok' : 'failed';
  report.service(service, verdict);
  return { service, verdict, differences, remarks: [], secondsToRestore: (Date.now() - began) / 1000 };
}
