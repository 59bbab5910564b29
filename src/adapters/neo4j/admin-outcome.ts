import { LifeboatError } from '../../model/failures.ts';
import type { HelperOutcome } from '../docker/helper.ts';

/** The last lines of what a program said that tell something; JVM and log4j noise is left out. */
export function lastWords({ stdout, stderr }: HelperOutcome): string {
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^(at |Caused by|WARNING|Selecting JVM|.*log4j|.*UnknownHost)/.test(line),
    );
  return lines.slice(-3).join(' / ').slice(0, 500);
}

/**
 * Judge a run of `neo4j-admin` that worked on a database. The texts are those of 4.4, 5 and the calendar versions.
 * @throws {LifeboatError} of the type that tells what to do about it; returns when it went well.
 */
export function judgeAdmin(step: 'dump' | 'load' | 'check', database: string, outcome: HelperOutcome): void {
  if (outcome.exitCode === 0) return;
  const said = `${outcome.stdout}\n${outcome.stderr}`;
  const words = lastWords(outcome);
  const about = `neo4j-admin could not ${step} the database "${database}"`;
  if (
    /Active logical log detected|recover database before running|needs recovery|recoveryRequired/i.test(said)
  ) {
    throw new LifeboatError(
      'RecoveryNeeded',
      `${about}: its store was not shut down cleanly and needs recovery by a start and a clean stop.`,
    );
  }
  if (/No space left on device/i.test(said)) {
    throw new LifeboatError(
      'InsufficientSpace',
      `${about}: no space left where the engine keeps its volumes. Free some there, then run it again.`,
    );
  }
  if (/Database does not exist|not a valid database/i.test(said)) {
    throw new LifeboatError(
      'DatabaseNotFound',
      `${about}: there is no such database in this container. Correct the service's "databases".`,
    );
  }
  if (/database is in use|FileLockException/i.test(said)) {
    throw new LifeboatError(
      'DumpFailed',
      `${about}: another program has its store open, although the container was stopped.`,
    );
  }
  if (/do not have permission|AccessDenied|Permission denied/i.test(said)) {
    throw new LifeboatError('DumpFailed', `${about}: its files refuse access: ${words}`);
  }
  if (outcome.exitCode === 137) {
    throw new LifeboatError('HelperFailed', `${about}: the helper was killed, perhaps for want of memory.`);
  }
  const type = step === 'dump' ? 'DumpFailed' : step === 'load' ? 'LoadFailed' : 'CheckFailed';
  throw new LifeboatError(type, `${about} (exit code ${outcome.exitCode}): ${words}`);
}
