import { openRepository } from '../../src/adapters/repository/open.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatBytes } from '../../src/model/progress.ts';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { type ProbeReport, probeBolt } from './bolt-probe.ts';
import { type Ended, follow } from './follow.ts';
import { type Narration, seconds } from './narration.ts';
import type { Stage } from './stage.ts';

/** Back up both databases as one consistent set while a client keeps querying. */
export async function takeBackup(stage: Stage): Promise<Ended<BackupResult>> {
  const { narration, made } = stage;
  narration.heading('Backup: both databases as one consistent, encrypted set');
  const probe = probeBolt(stage.graph);
  let ended: Ended<BackupResult>;
  let seen: ProbeReport;
  try {
    ended = await follow<BackupResult>(stage, 'backup');
  } finally {
    seen = await probe.stop();
  }
  const { result, events } = ended;
  const missing = Object.entries(result.repositories).filter(([, state]) => state !== 'ok');
  if (result.state !== 'complete' || missing.length > 0) {
    throw new Error(
      `The set ${result.set} is ${result.state}; ${JSON.stringify({ repositories: result.repositories, failures: result.failures })}`,
    );
  }
  narration.fact('Set', `${result.set}, ${result.artifacts} artifacts, ${formatBytes(result.bytes)}`);
  await tellWhere(stage, result.manifest);
  narration.fact('Took', `${seconds(result.seconds)}, ${events} events in the history of the run`);
  tellAway(narration, result.offlineSeconds[made.services.graph] ?? 0, seen);
  return ended;
}

/** How long Neo4j was away, as Lifeboat measured it and as a client saw it. */
export function tellAway(narration: Narration, offlineSeconds: number, seen: ProbeReport): void {
  narration.fact('Neo4j was away', `${seconds(offlineSeconds)} by Lifeboat's own measure`);
  narration.fact(
    '',
    `${seconds(seen.awaySeconds)} for a client that asks every 100 ms (${seen.answered} answers, ${seen.refused} refused)`,
  );
}

/** The manifest of the set in every repository, looked at there. */
async function tellWhere({ narration, configuration }: Stage, manifest: string): Promise<void> {
  const { repositories } = await loadConfig({ file: configuration.file });
  for (const one of repositories) {
    const repository = openRepository(one);
    try {
      if (!(await repository.head(manifest))) {
        throw new Error(`The repository ${one.name} (${repository.location}) has no ${manifest}.`);
      }
      narration.fact(`It is in ${one.name}`, `${repository.location}: ${manifest}`);
    } finally {
      await repository.close();
    }
  }
}
