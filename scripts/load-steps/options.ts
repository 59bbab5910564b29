import { parseArgs } from 'node:util';

/** What `scripts/load` was asked for. */
export interface LoadOptions {
  /** Backups that are asked for at the same moment; 0: that part is left out. */
  backups: number;
  /** Sets in the repository; 0: that part is left out. */
  sets: number;
  /** A file for the figures. */
  json?: string;
  /** Write the figures into docs/reliability.md. */
  write: boolean;
  help: boolean;
}

export const USAGE = `Usage: scripts/load [--backups N] [--sets N] [--json FILE] [--write]
Asks one worker for many backups at once, and for its work on a repository of many sets. Exit status 1 when anything failed.
  --backups N  backups of small services at the same moment (default: 50; 0: none)
  --sets N     sets in the repository (default: 10000; 0: none)
  --json FILE  write the figures there
  --write      write the figures into docs/reliability.md`;

/** @throws {Error} with a sentence on what is wrong. */
export function parseOptions(args: readonly string[]): LoadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      backups: { type: 'string', default: '50' },
      sets: { type: 'string', default: '10000' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.json === '') throw new Error('--json needs the name of a file.');
  return {
    backups: whole('--backups', values.backups, 1000),
    sets: whole('--sets', values.sets, 1_000_000),
    ...(values.json ? { json: values.json } : {}),
    write: values.write,
    help: values.help,
  };
}

function whole(name: string, text: string, highest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= highest) return value;
  throw new Error(`${name} ${text}: it must be a whole number from 0 to ${highest}.`);
}
