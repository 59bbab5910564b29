import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, CommanderError } from 'commander';
import fc from 'fast-check';
import { createProgram } from '../../../src/cli/program.ts';
import { HOSTILE_TEXTS } from '../mutations.ts';
import { target } from '../target.ts';

const PROGRAM = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));

const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];

/** The whole command, but nothing is done when its line is understood. */
function idle(onDone: () => void, onText: (text: string) => void): Command {
  const program = createProgram();
  for (const one of all(program)) {
    one.configureOutput({ writeOut: onText, writeErr: onText });
    if (one.commands.length === 0) one.action(onDone);
  }
  return program;
}

const WORDS = [
  ...new Set(
    all(createProgram()).flatMap((one) => [one.name(), ...one.options.flatMap(({ long }) => long ?? [])]),
  ),
];

const line = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
    // The operating system hands no NUL to a program, and no argument beyond 128 KiB.
    fc.constantFrom(...HOSTILE_TEXTS.filter((text) => !text.includes('\0'))),
    fc.string({ maxLength: 12 }).filter((text) => !text.includes('\0')),
    fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom('', '=', '=x', ' ')).map((parts) => parts.join('')),
  ),
  { maxLength: 6 },
);

const requireWords = (text: string): void => {
  if (/\n {4}at |\[object Object\]/.test(text))
    throw new Error(`It shows the inside of the program: ${text}`);
  if (text.trim().split(' ').length < 3) throw new Error(`It says too little: "${text}"`);
};

export const COMMAND_LINE = target<string[]>({
  name: 'command-line',
  what: 'arguments of `lifeboat`, understood or refused with a sentence and nothing done',
  inputs: () => line,
  async read(words) {
    let text = '';
    const program = idle(
      () => undefined,
      (more) => {
        text += more;
      },
    );
    try {
      await program.parseAsync(words, { from: 'user' });
      return 'taken';
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      // Help and the version were asked for.
      if (error.exitCode === 0) return 'taken';
      requireWords(text);
      return 'refused';
    }
  },
});

export const COMMAND = target<string[]>({
  name: 'command',
  what: 'the whole program `lifeboat` where there is no configuration: exit code 0 or 2, and no stack',
  share: 0.002,
  inputs: () => line,
  async read(words, sandbox) {
    mkdirSync(sandbox, { recursive: true });
    const env = {
      PATH: '/nowhere',
      HOME: sandbox,
      LIFEBOAT_CONFIG: `${sandbox}/none.yaml`,
      DOCKER_HOST: `unix://${sandbox}/none.sock`,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      NO_COLOR: '1',
    };
    const child = spawn(process.execPath, [PROGRAM, ...words], { cwd: sandbox, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.stdin.end();
    const [code] = await once(child, 'close');
    if (code !== 0 && code !== 2) throw new Error(`It ended with ${code}: ${text}`);
    if (code === 2) requireWords(text);
    return code === 0 ? 'taken' : 'refused';
  },
});
