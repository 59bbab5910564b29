import { confirm } from '@inquirer/prompts';
import { type Command, Option } from 'commander';
import { LifeboatError } from '../model/failures.ts';
import { EXIT, type ExitCode, failureOf } from './exit-code.ts';
import { openSession, type Session } from './session.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What every command is given. */
export interface Context {
  session: Session;
  terminal: Terminal;
  /** The configuration file that was named; else it is looked for. */
  config: string | undefined;
  /** Say yes to every question. */
  yes: boolean;
}

interface GlobalOptions {
  config?: string;
  json?: boolean;
  yes?: boolean;
}

/** Let a command run in a session that is closed afterwards; its answer, or what it throws, becomes the exit code. */
export function runs<Options extends object, Args extends unknown[]>(
  command: Command,
  action: (context: Context, options: Options, ...args: Args) => Promise<ExitCode | undefined>,
): Command {
  return command.action(async (...given: unknown[]) => {
    const options = command.optsWithGlobals<Options & GlobalOptions>();
    const session = openSession(options.config);
    const terminal = openTerminal({ json: options.json === true });
    const context: Context = { session, terminal, config: options.config, yes: options.yes === true };
    try {
      // Commander gives the arguments, then the options and the command itself.
      const args = given.slice(0, -2) as Args;
      process.exitCode = (await action(context, options, ...args)) ?? EXIT.ok;
    } catch (error) {
      const failure = failureOf(error);
      terminal.failure(failure);
      process.exitCode = failure.exitCode;
    } finally {
      await session.close();
    }
  });
}

/**
 * Ask before something that can't be taken back.
 * @throws {LifeboatError} `ConfirmationMismatch` when nobody can be asked and `--yes` is not given, or the answer is no.
 */
export async function confirmed({ terminal, yes }: Context, question: string): Promise<void> {
  if (yes) return;
  if (!terminal.interactive) {
    throw new LifeboatError(
      'ConfirmationMismatch',
      `${question} Nobody can be asked here: say --yes to go on.`,
    );
  }
  const answer = await confirm({ message: question, default: false }, { output: process.stderr }).catch(
    () => false,
  );
  if (!answer) throw new LifeboatError('ConfirmationMismatch', 'Not confirmed: nothing was changed.');
}

/** Collect an option that can be given several times, or several at once with commas; what is said twice counts once. */
export const several = (value: string, before: string[] = []): string[] => {
  const given = value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return [...new Set([...before, ...given])];
};

/** `--wait` is how it is anyway; it is there so that scripts can say it. */
export function following(command: Command): Command {
  return command
    .option('--wait', 'follow the run to its end (default)')
    .addOption(new Option('--detach', 'print the id of the run and come back at once').conflicts('wait'));
}
