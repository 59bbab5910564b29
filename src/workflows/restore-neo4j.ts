import { CancellationScope } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { ServiceSelection } from '../activities/restore.ts';
import type { RestoreInput } from '../model/inputs.ts';
import { type Neo4jRecord, unpackedBytes } from '../model/manifest.ts';
import { stagingName } from '../model/names.ts';
import { olderCopies } from '../model/older-copies.ts';
import { restorePlace } from '../model/restore-place.ts';
import { compensate, inWindow, probe, transfer } from './activity-options.ts';
import { inCriticalSection } from './exclusive.ts';
import { causeOf } from './failure.ts';
import { leaveNothing } from './leave-nothing.ts';
import type { ProgressReport } from './progress.ts';
import type { Expected } from './window-work.ts';

/** What came of the restore of one service. */
export interface RestoredService {
  service: string;
  databases?: string[];
  collections?: string[];
  offlineSeconds: number;
  /** Whether counts were compared with the manifest; false where no credentials are configured or it was left stopped. */
  compared: boolean;
  /** The id under which `restore` with `undo` finds what was replaced. */
  kept?: string;
  /** Of a dry run: what the new data needs (bytes), and what is free on the volume of a Neo4j. */
  neededBytes?: number;
  freeBytes?: number;
}

/** Restore one Neo4j service: fetch and load beside the running database, swap by rename, compare, keep the old. */
export async function restoreNeo4j(
  selection: Extract<ServiceSelection, { kind: 'neo4j' }>,
  plan: Neo4jPlan,
  options: { restore: string; set: string; repository: string; input: RestoreInput; report: ProgressReport },
): Promise<RestoredService> {
  const { restore, repository, report, input } = options;
  const { service, artifacts } = selection;
  const elsewhere = input.stage === 'elsewhere';
  const place = restorePlace(restore, plan, elsewhere ? stagingName(restore, service) : undefined);
  const loaded = artifacts.map(({ name }) => name);
  const databases = input.clear ? cleared(plan, loaded) : loaded;
  // Everything of this restore goes by its own id, as everything of a backup goes by the set's.
  const at = { set: restore, plan };
  try {
    report.service(service, 'fetching');
    await inWindow(`Make room for the dumps of ${service}`).prepareStaging({
      ...at,
      ...(elsewhere ? { role: 'kept' } : {}),
    });
    await Promise.all(
      artifacts.map((artifact) =>
        transfer(`Fetch ${service}/${artifact.name}`).fetchDump({ ...at, repository, artifact }),
      ),
    );
    report.service(service, 'loading beside the running database');
    for (const artifact of artifacts) {
      const { name: database } = artifact;
      await transfer(`Load ${service}/${database}`, { attempts: 3 }).loadDump({
        ...at,
        place,
        database,
        bytes: unpackedBytes(artifact),
      });
      if (input.check !== false) {
        await transfer(`Check ${service}/${database}`, { attempts: 3 }).checkLoaded({
          ...at,
          place,
          database,
        });
      }
    }
    await inWindow('Write down what is replaced').recordRestore({
      ...at,
      place,
      record: { set: options.set, repository, databases, at: new Date().toISOString() },
      cleared: databases.filter((name) => !loaded.includes(name)),
    });
    if (elsewhere)
      await inWindow('See that there is room for what is replaced').requireRoomAside({
        ...at,
        place,
        databases,
      });
    report.service(service, 'offline window');
    const section = await inCriticalSection(
      {
        ...at,
        window: 'offline',
        work: { kind: 'swap', swap: { place, databases }, expected: expectedOf(selection.record, loaded) },
        hold: false,
      },
      { wait: input.wait ?? false },
    );
    const kept = await probe(`See what ${service} has kept`).listKept(at);
    await compensate('Keep only what this restore replaced').forgetOlder({
      ...at,
      kept: olderCopies(restore, kept),
    });
    report.line(
      `${service} was away for ${section.offlineSeconds.toFixed(1)} s; what it had is kept as ${restore}.`,
    );
    report.service(service, 'restored');
    return {
      service,
      databases,
      offlineSeconds: section.offlineSeconds,
      compared: section.compared,
      kept: restore,
    };
  } finally {
    await CancellationScope.nonCancellable(async () => {
      try {
        await leaveNothing({ set: restore, plan, place });
      } catch (error) {
        // What came of the restore is told in any case; the watchdog finds what is left.
        report.line(`Not all that ${service} staged could be removed yet: ${causeOf(error).message}`);
      }
    });
  }
}

/** "Clear existing data first": every database goes aside, but `system` only when it is itself restored. */
const cleared = (plan: Neo4jPlan, loaded: string[]): string[] => [
  ...new Set([...loaded, ...Object.keys(plan.databases).filter((name) => name !== 'system')]),
];

function expectedOf(record: Neo4jRecord, databases: string[]): Expected {
  const expected: NonNullable<Expected> = {};
  for (const database of databases) {
    const before = record.facts?.[database];
    const after = record.factsAfter?.[database];
    if (before) expected[database] = { before, ...(after ? { after } : {}) };
  }
  return Object.keys(expected).length > 0 ? expected : null;
}
