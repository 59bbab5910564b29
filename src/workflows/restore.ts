import { upsertSearchAttributes, uuid4, workflowInfo } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { ServiceSelection } from '../activities/restore.ts';
import type { CollectionRestore } from '../activities/restore-qdrant.ts';
import { parseInput, type RestoreInput, restoreInput } from '../model/inputs.ts';
import { setId } from '../model/names.ts';
import { DRY_RUN, DRY_RUN_ENDED } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { probe, transfer } from './activity-options.ts';
import { fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { type RestoredService, restoreNeo4j } from './restore-neo4j.ts';
import { restoreQdrant } from './restore-qdrant.ts';
import { undoRestore } from './restore-undo.ts';
import { andTell, type Subject } from './tell.ts';

/** What a restore answers. */
export interface RestoreResult {
  restore: string;
  set: string | null;
  createdAt: string | null;
  repository: string | null;
  dryRun: boolean;
  services: RestoredService[];
  warnings: string[];
  seconds: number;
}

/** Restore a set, a service, a database or a collection; or bring back what the last restore replaced. */
export async function restore(input?: unknown): Promise<RestoreResult> {
  const wanted: RestoreInput = orFail(() => parseInput('restore', restoreInput, input));
  const subject: Subject = { services: wanted.services ?? [] };
  // A dry run is somebody's question, who sees the answer.
  if (wanted.dryRun) return await restoreSet(wanted, subject);
  return await andTell('restore', subject, async () => await restoreSet(wanted, subject));
}

async function restoreSet(wanted: RestoreInput, subject: Subject): Promise<RestoreResult> {
  const info = workflowInfo();
  const id = setId(info.startTime, uuid4());
  const report = new ProgressReport();
  report.phase(wanted.dryRun ? DRY_RUN : 'planning');
  const seconds = () => Math.round((Date.now() - info.startTime.getTime()) / 100) / 10;

  if (wanted.undo) {
    const services = await undoRestore(wanted, id, report);
    report.phase(wanted.dryRun ? DRY_RUN_ENDED : 'done');
    return {
      restore: id,
      set: null,
      createdAt: null,
      repository: null,
      dryRun: wanted.dryRun ?? false,
      services,
      warnings: [],
      seconds: seconds(),
    };
  }

  const selection = await probe('Choose what to restore').selectArtifacts(wanted);
  const { set, repository, createdAt } = selection;
  report.set(set);
  Object.assign(subject, { services: selection.services.map(({ service }) => service), set });
  upsertSearchAttributes([
    { key: SEARCH_ATTRIBUTES.service, value: selection.services.map(({ service }) => service) },
    { key: SEARCH_ATTRIBUTES.repository, value: [repository] },
  ]);
  if (selection.services.length === 0) {
    throw fail(
      'InvalidInput',
      `Nothing of the set ${set} was chosen: name databases, collections or services that it has.`,
    );
  }

  requireConfirmation(wanted, selection.services);
  const warnings: string[] = [];
  if (
    selection.services.some(({ artifacts }) =>
      artifacts.some(({ name, kind }) => kind === 'neo4j-dump' && name === 'system'),
    )
  ) {
    warnings.push(
      'With "system", users and passwords become those of the backup: log in with those afterwards, and configure them here.',
    );
  }
  if (wanted.stage === 'elsewhere') {
    warnings.push(
      'With "stage": "elsewhere", the stores are copied between two volumes while Neo4j is stopped: the offline window grows with their size.',
    );
  }
  for (const warning of warnings) report.line(warning);
  const planned: Planned[] = [];
  for (const one of selection.services) {
    if (one.kind === 'qdrant') {
      const plan = probe(`Look at ${one.service}`);
      planned.push({
        one,
        collections: await plan.planQdrantRestore({ selection: one, into: wanted.into ?? {} }),
      });
      continue;
    }
    const plan = await probe(`Look at ${one.service}`).planNeo4jRestore({
      selection: one,
      stage: wanted.stage ?? 'volume',
    });
    warnings.push(...plan.warnings);
    for (const warning of plan.warnings) report.line(warning);
    planned.push({ one, target: plan.target });
  }
  const answer = { restore: id, set, createdAt, repository, warnings };
  if (wanted.dryRun) {
    for (const { path } of selection.services.flatMap(({ artifacts }) => artifacts)) {
      const read = transfer(`Verify ${path}`, { attempts: 4 });
      const { depth } = await read.verifyArtifact({ repository, set, artifact: path });
      report.line(`${path}: whole (${depth}).`);
      if (depth === 'stored') {
        warnings.push(
          `${path} is encrypted, and no key that is configured here fits: it can not be restored from here.`,
        );
      }
    }
    report.phase(DRY_RUN_ENDED);
    return { ...answer, dryRun: true, services: planned.map(outline), seconds: seconds() };
  }

  report.phase('restoring');
  const services: RestoredService[] = [];
  for (const plan of planned) {
    const options = { restore: id, set, repository, input: wanted, report };
    services.push(
      'target' in plan
        ? await restoreNeo4j(plan.one, plan.target, options)
        : await restoreQdrant(plan.one.service, plan.collections, options),
    );
  }
  report.phase('done');
  return { ...answer, dryRun: false, services, seconds: seconds() };
}

/** Emptying a data directory has to be meant: the service is named once more, and nothing else is restored with it. */
function requireConfirmation(wanted: RestoreInput, services: ServiceSelection[]): void {
  if (!wanted.clear) return;
  const [only, ...others] = services;
  if (only?.kind !== 'neo4j' || others.length > 0) {
    throw fail(
      'InvalidInput',
      '"clear" empties the data directory of one Neo4j service: name it alone in "services".',
    );
  }
  if (wanted.confirm !== only.service) {
    throw fail(
      'ConfirmationMismatch',
      `"clear" empties the data directory of "${only.service}": confirm it with "confirm": "${only.service}". Nothing was changed.`,
    );
  }
}

type Planned =
  | { one: Extract<ServiceSelection, { kind: 'neo4j' }>; target: Neo4jPlan }
  | { one: Extract<ServiceSelection, { kind: 'qdrant' }>; collections: CollectionRestore[] };

/** What would be restored. */
function outline(plan: Planned): RestoredService {
  const nothingYet = { service: plan.one.service, offlineSeconds: 0, compared: false };
  // What an archive unpacks to; of an old set that does not tell, what it is packed.
  const neededBytes = plan.one.artifacts.reduce(
    (sum, one) => sum + (one.archive?.bytes ?? one.content.bytes),
    0,
  );
  return 'target' in plan
    ? {
        ...nothingYet,
        databases: plan.one.artifacts.map(({ name }) => name),
        neededBytes,
        freeBytes: plan.target.freeBytes,
      }
    : { ...nothingYet, collections: plan.collections.map(({ to }) => to), neededBytes };
}
