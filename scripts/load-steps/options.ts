import { parseArgs } from 'node:util';

/** What `scripts/load` was asked for. */
export interface LoadOptions {
  /** Sets in the repository. */
  sets: number;
  /** A file for the figures. */
  json?: string;
  /** Write the figures into docs/reliability.md. */
  write: boolean;
  help: boolean;
}

export const USAGE = `Usage: scripts/load [--sets N] [--json FILE] [--write]
Has a worker, the command and the status page work on a repository of many sets. Exit status 1 when anything failed.
  --sets N     sets in the repository (default: 10000)
  --json FILE  write the figures there
  --write      write the figures into docs/reliability.md`;

/** @throws {Error} with a sentence on what is wrong. */
export function parseOptions(args: readonly string[]): LoadOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sets: { type: 'string', default: '10000' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.json === '') throw new Error('--json needs the name of a file.');
  return {
    sets: whole('--sets', values.sets, 10, 100_000),
    ...(values.json ? { json: values.json } : {}),
    write: values.write,
    help: values.help,
  };
}

function whole(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value;
  throw new Error(`${name} ${text}: it must be a whole number from ${lowest} to ${highest}.`);
}
