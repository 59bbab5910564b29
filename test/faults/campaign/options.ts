import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import { FAULTS, type FaultName } from './fault-names.ts';

/** What `scripts/faults` was asked for. */
export interface FaultsOptions {
  seed: number;
  rounds: number;
  /** So many rounds are played at the same time, each on an installation of its own. */
  atOnce: number;
  only?: FaultName;
  /** A file for the summary. */
  json?: string;
  /** Play only the rounds that the file of an earlier, interrupted campaign does not tell of. */
  goOn: boolean;
  /** Write the figures into docs/reliability.md. */
  write: boolean;
  help: boolean;
}

export const USAGE = `Usage: scripts/faults [--seed S] [--rounds N] [--only NAME] [--at-once N] [--json FILE [--go-on]] [--write]
Breaks a real installation again and again, and looks each time whether every promise held. Exit status 1 when one did not.
  --seed S     whole number of the first round; a further round has the next one (default: by the clock)
  --rounds N   how many (default: 20; every kind of fault is met)
  --only NAME  only this kind of fault: ${Object.keys(FAULTS).join(' ')}
  --at-once N  play N rounds at the same time, each on an installation of its own (default: 1)
  --json FILE  write the figures there, after every round
  --go-on      go on with the campaign of that file, whose seed it has and which was interrupted
  --write      write the figures into docs/reliability.md
A round is played again alone with --seed of its own and --rounds 1. Ctrl-C ends after the round that is being played.`;

/** @throws {Error} with a sentence on what is wrong. */
export function parseOptions(args: readonly string[]): FaultsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      'at-once': { type: 'string' },
      json: { type: 'string' },
      'go-on': { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const names = Object.keys(FAULTS);
  if (values.only !== undefined && !names.includes(values.only)) {
    throw new Error(
      `--only ${values.only}: there is no such fault; did you mean "${closest(values.only, names)}"? There are: ${names.join(', ')}.`,
    );
  }
  if (values['go-on'] && !values.json)
    throw new Error('--go-on needs --json FILE: the campaign that it goes on with.');
  if (values.json === '') throw new Error('--json needs the name of a file.');
  return {
    seed: whole('--seed', values.seed, 0, 2 ** 31 - 1) ?? Date.now() % 1_000_000,
    rounds: whole('--rounds', values.rounds, 1, 1_000_000) ?? 20,
    atOnce: whole('--at-once', values['at-once'], 1, 16) ?? 1,
    ...(values.only ? { only: values.only as FaultName } : {}),
    ...(values.json ? { json: values.json } : {}),
    goOn: values['go-on'],
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
