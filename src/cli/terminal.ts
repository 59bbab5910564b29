import Table from 'cli-table3';
import pc from 'picocolors';
import { printable, printableWithColours } from '../model/printable.ts';
import type { Failure } from './exit-code.ts';

/**
 * Where a command prints: results on the standard output, everything else on the standard error. What repositories and servers call things
 * can give the terminal no orders.
 */
export interface Terminal {
  /** One JSON document on the standard output and nothing else. */
  readonly json: boolean;
  /** A person watches: bars, colours, questions. */
  readonly interactive: boolean;
  /** The result: as JSON where that is asked for, else as the text. */
  result(value: unknown, text: () => string): void;
  /** What happens meanwhile; silent with JSON. */
  note(text: string): void;
  failure(failure: Failure): void;
}

export interface Streams {
  out: NodeJS.WritableStream & { isTTY?: boolean };
  err: NodeJS.WritableStream & { isTTY?: boolean };
  in: { isTTY?: boolean };
}

/** A terminal over the process's streams. */
export function openTerminal(options: { json: boolean; streams?: Streams }): Terminal {
  const streams: Streams = options.streams ?? { out: process.stdout, err: process.stderr, in: process.stdin };
  const interactive =
    !options.json && streams.out.isTTY === true && streams.err.isTTY === true && streams.in.isTTY === true;
  return {
    json: options.json,
    interactive,
    result(value, text) {
      streams.out.write(
        `${options.json ? printable(JSON.stringify(value, null, 2)) : printableWithColours(text())}\n`,
      );
    },
    note(text) {
      if (!options.json) streams.err.write(`${printableWithColours(text)}\n`);
    },
    failure({ exitCode: _, ...failure }) {
      if (options.json) streams.out.write(`${printable(JSON.stringify({ error: failure }, null, 2))}\n`);
      else streams.err.write(`${pc.red('lifeboat:')} ${printable(failure.message)}\n`);
    },
  };
}

/** A table for people; without frames, so that it can be cut with standard tools. */
export function table(head: string[], rows: (string | number)[][]): string {
  const none = Object.fromEntries(
    [
      'top',
      'top-mid',
      'top-left',
      'top-right',
      'bottom',
      'bottom-mid',
      'bottom-left',
      'bottom-right',
      'left',
      'left-mid',
      'mid',
      'mid-mid',
      'right',
      'right-mid',
    ].map((key) => [key, '']),
  );
  const drawn = new Table({
    head: head.map((text) => pc.bold(text)),
    chars: { ...none, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  drawn.push(...rows);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `ok`, `warn` and `fail` in colour. */
export const mark = (state: 'ok' | 'warn' | 'fail'): string =>
  ({ ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('fail') })[state];
