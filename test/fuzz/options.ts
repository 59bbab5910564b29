import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { TARGETS } from './targets/index.ts';

/** What `scripts/fuzz` was asked for. */
export interface FuzzOptions {
  seed: number;
  /** Inputs a target; targets that take long read a share of them. */
  runs: number;
  only?: string;
  /** A file for the figures. */
  json?: string;
  /** Write the figures into docs/reliability.md. */
  write: boolean;
  help: boolean;
}

export const USAGE = `Usage: scripts/fuzz [--seed S] [--runs N] [--only TARGET] [--json FILE] [--write]
Lets everything that reads what others wrote read broken and hostile inputs. Exit status 1 when something was not a plain refusal.
  --seed S       whole number that decides all inputs (default: by the clock)
  --runs N       inputs a target; those that take long read a share of them (default: 2000)
  --only TARGET  only this one: ${TARGETS.map(({ name }) => name).join(' ')}
  --json FILE    write the figures there
  --write        write the figures into docs/reliability.md`;

/** @throws {Error} with a sentence on what is wrong. */
export function parseOptions(args: readonly string[]): FuzzOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      runs: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const names = TARGETS.map(({ name }) => name);
  if (values.only !== undefined && !names.includes(values.only)) {
    throw new Error(
      `--only ${values.only}: there is no such target; did you mean "${closest(values.only, names)}"? There are: ${names.join(', ')}.`,
    );
  }
  if (values.json === '') throw new Error('--json needs the name of a file.');
  return {
    seed: whole('--seed', values.seed, 0, 2 ** 31 - 1) ?? Date.now() % 1_000_000,
    runs: whole('--runs', values.runs, 1, 100_000_000) ?? 2000,
    ...(values.only ? { only: values.only } : {}),
    ...(values.json ? { json: values.json } : {}),
    write: values.write,
    help: values.help,
  };
}

function whole(option: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most)
    throw new Error(`${option} takes a whole number from ${least} to ${most}, not "${text}".`);
  return number;
}
