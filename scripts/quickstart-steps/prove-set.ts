import { formatBytes } from '../../src/model/progress.ts';
import type { DrillResult } from '../../src/workflows/drill.ts';
import type { VerifyResult } from '../../src/workflows/verify.ts';
import { REPOSITORIES } from './configuration.ts';
import { follow } from './follow.ts';
import { seconds } from './narration.ts';
import type { Stage } from './stage.ts';

/** Read the set back and compare it with its checksums; then restore it into sandboxes and compare the data. */
export async function proveSet(stage: Stage, set: string): Promise<void> {
  const { narration } = stage;
  narration.heading('Verify: every artifact read back, decrypted, compared and walked');
  const { result: verified } = await follow<VerifyResult>(stage, 'verify', { set });
  narration.fact(
    'Verdict',
    `${verified.verdict}: ${verified.artifacts} artifacts, ${formatBytes(verified.bytes)}, depth ${verified.depth}`,
  );

  narration.heading('Restore drill: the copy in S3 restored into throw-away sandboxes');
  const { result: drilled } = await follow<DrillResult>(stage, 'drill', {
    set,
    repository: REPOSITORIES.copy,
  });
  for (const { service, verdict, differences, secondsToRestore } of drilled.services) {
    const found = differences.length === 0 ? 'no differences' : differences.join('; ');
    narration.fact(service, `${verdict}: ${found}, restored in ${seconds(secondsToRestore)}`);
  }
  narration.fact(
    'Verdict',
    `${drilled.verdict}: time to restore (RTO) ${seconds(drilled.rtoSeconds)}, age of the data (RPO) ${drilled.rpoSeconds} s`,
  );
}
