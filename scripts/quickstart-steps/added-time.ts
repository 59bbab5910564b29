import { formatBytes } from '../../src/model/progress.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { REPOSITORIES } from './configuration.ts';
import { type Ended, follow } from './follow.ts';
import { seconds } from './narration.ts';
import { plainCommands } from './plain-commands.ts';
import type { Stage } from './stage.ts';

/**
 * Compare Lifeboat with the plain commands on the same container, one after the other: a backup of Neo4j alone into the
 * directory. And tell how large the worker has become in all of this.
 */
export async function tellAddedTime(stage: Stage, whole: Ended<BackupResult>): Promise<void> {
  const { narration, made, worker } = stage;
  narration.heading('What Lifeboat adds to the plain commands');
  const plain = await plainCommands(stage);
  narration.fact(
    'Plain commands',
    `${seconds(plain.total)}: docker stop ${seconds(plain.stop)}, two dumps ${seconds(plain.dump)}, docker start and bolt ${seconds(plain.start)}`,
  );
  const { result } = await follow<BackupResult>(stage, 'backup', {
    services: [made.services.graph],
    repositories: [REPOSITORIES.primary],
    consistent: false,
  });
  const offline = result.offlineSeconds[made.services.graph] ?? 0;
  narration.fact(
    'Lifeboat, the same',
    `${seconds(result.seconds)} in all, Neo4j away for ${seconds(offline)}`,
  );
  narration.fact('Time away', compared(offline, plain.total));
  narration.fact('Whole run', compared(result.seconds, plain.total));
  narration.fact(
    'Whole set, above',
    `${compared(whole.result.seconds, plain.total)}, for both databases, encrypted, in two repositories`,
  );
  const peak = worker.peakMemory();
  narration.fact(
    "Worker's memory",
    peak === undefined
      ? 'not told by this kernel'
      : `${formatBytes(peak)} resident at most, in all of the above`,
  );
}

/** `1.30 times the plain commands (+3.9 s)` */
function compared(took: number, plain: number): string {
  const difference = took - plain;
  const signed = `${difference < 0 ? '−' : '+'}${seconds(Math.abs(difference))}`;
  return `${(took / plain).toFixed(2)} times the plain commands (${signed})`;
}
