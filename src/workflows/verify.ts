import { isCancellation, upsertSearchAttributes } from '@temporalio/workflow';
import type { VerifiedArtifact } from '../activities/verify.ts';
import type { FailureType } from '../model/failures.ts';
import { parseInput, type VerifyInput, verifyInput } from '../model/inputs.ts';
import { formatBytes } from '../model/progress.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';
import { catalog, probe, transfer } from './activity-options.ts';
import { causeOf, fail, orFail } from './failure.ts';
import { ProgressReport } from './progress.ts';
import { andTell, type Subject } from './tell.ts';

/** What a verification answers, and records beside the set. */
export interface VerifyResult {
  set: string;
  repository: string;
  verdict: 'ok';
  artifacts: number;
  bytes: number;
  /** `stored` where something is encrypted and this worker may not read it: then only what is stored was compared. */
  depth: VerifiedArtifact['depth'];
}

/** What tells of the artifact itself, and not of the way to it. */
const DAMAGE: ReadonlySet<string> = new Set<FailureType>([
  'ArtifactCorrupt',
  'ChecksumMismatch',
  'DumpIncomplete',
  'SnapshotIncomplete',
  'KeyNotFound',
  'DecryptionFailed',
]);

/** Read every artifact of a set back, compare it with the manifest and walk it, without a database. */
export async function verify(input?: unknown): Promise<VerifyResult> {
  const wanted = orFail(() => parseInput('verify', verifyInput, input));
  const subject: Subject = { services: [] };
  return await andTell('verify', subject, async () => await verifySet(wanted, subject));
}

async function verifySet(wanted: VerifyInput, subject: Subject): Promise<VerifyResult> {
  const report = new ProgressReport();
  report.phase('verifying');
  const chosen = await probe('Choose the set').chooseSet(wanted);
  const { set, repository } = chosen;
  report.set(set);
  Object.assign(subject, { set });
  upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.repository, value: [repository] }]);

  const damaged: { index: number; type: string; message: string }[] = [];
  let depth: VerifiedArtifact['depth'] = 'content';
  for (let index = 0; index < chosen.artifacts; index += 1) {
    try {
      const verified = await transfer(`Verify artifact ${index + 1} of ${chosen.artifacts}`).verifyArtifact({
        repository,
        set,
        artifact: index,
      });
      if (verified.depth === 'stored') depth = 'stored';
      report.line(`${verified.path}: whole (${formatBytes(verified.bytes)}, ${verified.depth}).`);
    } catch (error) {
      const { type, message } = causeOf(error);
      // What could not be reached says nothing of the set: no verdict.
      if (isCancellation(error) || !DAMAGE.has(type)) throw error;
      damaged.push({ index, type, message });
      report.line(message);
    }
  }
  const verdict = damaged.length === 0 ? 'ok' : 'failed';
  await catalog(`Record the verdict: ${verdict}`).recordVerdict({
    repository,
    set,
    kind: 'verify',
    verdict,
    time: new Date().toISOString(),
    findings: { depth, artifacts: chosen.artifacts, damaged },
  });
  report.phase(verdict === 'ok' ? 'done' : 'failed');
  if (damaged[0]) {
    throw fail(
      'VerificationFailed',
      `${damaged.length} of ${chosen.artifacts} artifacts of the set ${set} in ${repository} are damaged. ${damaged[0].message}`,
      { damaged: damaged.slice(0, 20) },
    );
  }
  return { set, repository, verdict: 'ok', artifacts: chosen.artifacts, bytes: chosen.bytes, depth };
}
