import { CancellationScope } from '@temporalio/workflow';
import type { RestoreInput } from '../model/inputs.ts';
import { restorePlace } from '../model/restore-place.ts';
import { compensate, inWindow, probe } from './activity-options.ts';
import { inCriticalSection } from './exclusive.ts';
import { fail } from './failure.ts';
import type { ProgressReport } from './progress.ts';
import type { RestoredService } from './restore-neo4j.ts';
import { undoQdrant } from './undo-qdrant.ts';

/** Bring back what the last restore of each service replaced; what serves now is kept in its turn. */
export async function undoRestore(
  input: RestoreInput,
  restore: string,
  report: ProgressReport,
): Promise<RestoredService[]> {
  const run = await probe('Plan the undo').planRun({ services: input.services });
  const undone: RestoredService[] = [];
  for (const { name: service, kind } of run.services) {
    if (kind === 'qdrant') {
      const collections = await undoQdrant(service, { restore, report, wait: input.wait ?? false });
      if (collections) undone.push(collections);
      continue;
    }
    const plan = await probe(`Look at ${service}`).planNeo4j({ service });
    const at = { set: restore, plan };
    const [newest] = await probe(`See what ${service} has kept`).listKept(at);
    if (!newest?.record) continue;
    const { databases } = newest.record;
    const place = restorePlace(restore, plan, newest.volume);
    let swapped = false;
    try {
      report.service(service, `bringing back what ${newest.restore} replaced`);
      await inWindow('Write down what is replaced').recordRestore({
        ...at,
        place,
        record: { ...newest.record, at: new Date().toISOString() },
      });
      await inWindow(`Take what ${newest.restore} kept`).adoptKept({
        ...at,
        place,
        restore: newest.restore,
        databases,
      });
      const section = await inCriticalSection(
        {
          ...at,
          window: 'offline',
          work: { kind: 'swap', swap: { place, databases }, expected: null },
          hold: false,
        },
        { wait: input.wait ?? false },
      );
      swapped = true;
      undone.push({
        service,
        databases,
        offlineSeconds: section.offlineSeconds,
        compared: false,
        kept: restore,
      });
      report.line(`${service} has again what ${newest.restore} had replaced.`);
      await compensate('Forget the undone restore').forgetRestore({
        ...at,
        place: restorePlace(newest.restore, plan, newest.volume),
      });
    } finally {
      // The kept copy is the only one: after a failure it goes back to where it was found.
      if (!swapped) {
        await CancellationScope.nonCancellable(async () => {
          await compensate('Give the kept copy back').returnKept({
            ...at,
            place,
            restore: newest.restore,
            databases,
          });
        });
      }
    }
  }
  if (undone.length === 0) {
    throw fail(
      'NothingToUndo',
      'No service has kept anything that a restore replaced: there is nothing to undo.',
    );
  }
  return undone;
}
