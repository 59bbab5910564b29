import { CommanderError } from 'commander';
import { EXIT } from './cli/exit-code.ts';
import { createProgram } from './cli/program.ts';

// A reader that went away, such as `head`, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has said it already; help and version are no failures.
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
