import { upsertSearchAttributes, uuid4, workflowInfo } from '@temporalio/workflow';
import { parseInput, type RestoreInput, restoreInput } from '../model/inputs.ts';
import { setId } from '../model/names.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { probe } from './activity-options.ts';
import { fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { type RestoredService, restoreNeo4j } from './restore-neo4j.ts';
import { undoRestore } from './restore-undo.ts';

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
  const info = workflowInfo();
  const id = setId(info.startTime, uuid4());
  const report = new ProgressReport();
  report.phase('planning');
  const seconds = () => Math.round((Date.now() - info.startTime.getTime()) / 100) / 10;

  if (wanted.undo) {
    const services = await undoRestore(wanted, id, report);
    report.phase('done');
    return {
      restore: id,
      set: null,
      createdAt: null,
      repository: null,
      dryRun: false,
      services,
      warnings: [],
      seconds: seconds(),
    };
  }

  const selection = await probe('Choose what to restore').selectArtifacts(wanted);
  const { set, repository, createdAt } = selection;
  report.set(set);
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

  const warnings: string[] = [];
  const planned = [];
  for (const one of selection.services) {
    if (one.kind === 'qdrant') throw fail('Unsupported', 'Qdrant services come with the next step.');
    const plan = await probe(`Look at ${one.service}`).planNeo4jRestore({
      selection: one,
      stage: wanted.stage ?? 'volume',
    });
    warnings.push(...plan.warnings);
    for (const warning of plan.warnings) report.line(warning);
    planned.push({ one, plan: plan.target });
  }
  if (wanted.dryRun) {
    report.phase('planned');
    const services = planned.map(({ one }) => ({
      service: one.service,
      databases: one.artifacts.map(({ name }) => name),
      offlineSeconds: 0,
      compared: false,
    }));
    return { restore: id, set, createdAt, repository, dryRun: true, services, warnings, seconds: seconds() };
  }

  report.phase('restoring');
  const services: RestoredService[] = [];
  for (const { one, plan } of planned) {
    services.push(await restoreNeo4j(one, plan, { restore: id, set, repository, input: wanted, report }));
  }
  report.phase('done');
  return { restore: id, set, createdAt, repository, dryRun: false, services, warnings, seconds: seconds() };
}
