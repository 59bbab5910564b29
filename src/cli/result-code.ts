import { EXIT, type ExitCode } from './exit-code.ts';

/** What a backup's result says of its end. */
export interface BackupOutcome {
  state: 'complete' | 'partial';
  repositories?: Record<string, string>;
}

/** How many hosts of a fleet are how. */
export interface FleetCounts {
  counts: { unreachable?: number; stale?: number; problem?: number };
}

/** Complete, and in every repository that it should be in; else `partial`. */
export const backupCode = ({ state, repositories = {} }: BackupOutcome): ExitCode =>
  state === 'complete' && Object.values(repositories).every((at) => at === 'ok') ? EXIT.ok : EXIT.partial;

/** Every host is whole; else `partial`. */
export const fleetBackupCode = ({ state }: { state: 'complete' | 'partial' }): ExitCode =>
  state === 'complete' ? EXIT.ok : EXIT.partial;

/** Silent hosts first, then sets that are too old. */
export function fleetStatusCode({ counts }: FleetCounts): ExitCode {
  if (counts.unreachable) return EXIT.unreachable;
  return counts.stale || counts.problem ? EXIT.partial : EXIT.ok;
}

const CODES = { backup: backupCode, fleetBackup: fleetBackupCode, fleetStatus: fleetStatusCode };

/** The exit code of a result, by the workflow's type: whoever watches a run hears the same as who started it. */
export function codeOfRun(type: string): (result: unknown) => ExitCode {
  const code = Object.hasOwn(CODES, type) ? CODES[type as keyof typeof CODES] : () => EXIT.ok;
  return code as (result: unknown) => ExitCode;
}
