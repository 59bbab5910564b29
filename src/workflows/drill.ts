import { isCancellation, upsertSearchAttributes, uuid4, workflowInfo } from '@temporalio/workflow';
import { type DrillInput, drillInput, parseInput } from '../model/inputs.ts';
import { setId } from '../model/names.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { catalog, probe } from './activity-options.ts';
import { type DrilledService, drillNeo4j } from './drill-neo4j.ts';
import { drillQdrant, sandboxCollection } from './drill-qdrant.ts';
import { causeOf, fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { andTell, type Subject } from './tell.ts';

/** What a restore drill answers, and records beside the set. */
export interface DrillResult {
  set: string;
  repository: string;
  verdict: 'ok';
  /** Seconds from the beginning of the drill until all services could be asked: what a restore would take here. */
  rtoSeconds: number;
  /** Age of the data at the beginning of the drill (seconds): what a restore now would lose. */
  rpoSeconds: number;
  services: DrilledService[];
}

/** Restore a set into sandboxes, compare it with its manifest, and record the verdict. The live services are never touched. */
export async function drill(input?: unknown): Promise<DrillResult> {
  const wanted = orFail(() => parseInput('drill', drillInput, input));
  const subject: Subject = { services: wanted.services ?? [] };
  return await andTell('drill', subject, async () => await drillSet(wanted, subject));
}

async function drillSet(wanted: DrillInput, subject: Subject): Promise<DrillResult> {
  const info = workflowInfo();
  const id = setId(info.startTime, uuid4());
  const report = new ProgressReport();
  report.phase('planning');
  const selection = await probe('Choose what to drill').selectArtifacts({ ...wanted, system: true });
  const { set, repository } = selection;
  report.set(set);
  Object.assign(subject, { services: selection.services.map(({ service }) => service), set });
  upsertSearchAttributes([
    { key: SEARCH_ATTRIBUTES.service, value: selection.services.map(({ service }) => service) },
    { key: SEARCH_ATTRIBUTES.repository, value: [repository] },
  ]);
  const record = async (verdict: 'ok' | 'ok-in-part' | 'failed' | 'not-run', findings: unknown) =>
    await catalog(`Record the verdict: ${verdict}`).recordVerdict({
      repository,
      set,
      kind: 'drill',
      verdict,
      time: new Date().toISOString(),
      findings,
    });

  report.phase('drilling');
  const services: DrilledService[] = [];
  try {
    for (const one of selection.services) {
      if (one.kind === 'qdrant') {
        const into = Object.fromEntries(one.artifacts.map(({ name }) => [name, sandboxCollection(id, name)]));
        const collections = await probe(`Look at ${one.service}`).planQdrantRestore({ selection: one, into });
        services.push(await drillQdrant(one.service, collections, { drill: id, repository, report }));
        continue;
      }
      const plan = await probe(`Look at ${one.service}`).planNeo4j({ service: one.service });
      services.push(await drillNeo4j(one, plan, { drill: id, repository, report }));
    }
  } catch (error) {
    const { type, message } = causeOf(error);
    if (isCancellation(error)) throw error;
    // What is wrong with the data is a verdict; what is wrong with the drill's own surroundings is none.
    const verdict = BROKEN_DATA.has(type) ? 'failed' : 'not-run';
    await record(verdict, { type, message, services });
    report.phase(verdict);
    throw fail(
      'DrillFailed',
      `The restore drill of the set ${set} ${verdict === 'failed' ? 'failed' : 'could not run'}: ${message}`,
      {
        cause: type,
      },
    );
  }

  const failed = services.filter(({ verdict }) => verdict === 'failed');
  const served = Math.max(0, ...services.map(({ secondsToRestore }) => secondsToRestore));
  const result = {
    set,
    repository,
    rtoSeconds: Math.round(served * 10) / 10,
    rpoSeconds: Math.round((info.startTime.getTime() - Date.parse(selection.createdAt)) / 1000),
    services,
  };
  await record(failed.length > 0 ? 'failed' : selection.whole === false ? 'ok-in-part' : 'ok', result);
  if (failed.length > 0) {
    report.phase('failed');
    const differences = failed.flatMap((one) => one.differences);
    throw fail(
      'DrillFailed',
      `The restore drill of the set ${set} failed: what was restored is not what was backed up. ${differences.slice(0, 5).join('; ')}.`,
      { differences: differences.slice(0, 50) },
    );
  }
  report.line(`Set ${set} is proven: restored in ${result.rtoSeconds} s, data ${result.rpoSeconds} s old.`);
  report.phase('done');
  return { ...result, verdict: 'ok' };
}

/** Failures that tell of the set itself. */
const BROKEN_DATA: ReadonlySet<string> = new Set([
  'ArtifactCorrupt',
  'ChecksumMismatch',
  'DecryptionFailed',
  'DumpIncomplete',
  'SnapshotIncomplete',
  'KeyNotFound',
  'LoadFailed',
  'CheckFailed',
  'StartFailed',
  'CountsDisagree',
  'QdrantRefused',
]);
