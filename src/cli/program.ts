import { readFileSync } from 'node:fs';
import tab from '@bomb.sh/tab/commander';
import { Command } from 'commander';
import { addConfigCommands } from './commands/config.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addFleetCommands } from './commands/fleet.ts';
import { addProcessCommands } from './commands/processes.ts';
import { addPruneCommand } from './commands/prune.ts';
import { addRescueCommand } from './commands/rescue.ts';
import { addRestoreCommand, addRunCommands } from './commands/runs.ts';
import { addScheduleCommands } from './commands/schedules.ts';
import { addSetCommands } from './commands/sets.ts';
import { addStatusCommands } from './commands/status.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const AFTER_HELP = `
Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 partial, 4 busy, 5 unreachable, 130 detached by Ctrl-C.
Every run is also a plain workflow: temporal workflow start --type backup --task-queue lifeboat`;

/** The whole command. */
export function createProgram(): Command {
  const program = new Command('lifeboat')
    .description('Backup and recovery for Neo4j and Qdrant in Docker, as durable Temporal workflows.')
    .version(version)
    .option(
      '-c, --config <file>',
      'the configuration (default: LIFEBOAT_CONFIG, lifeboat.yaml, /etc/lifeboat/lifeboat.yaml)',
    )
    .option('--json', 'one JSON document on the standard output, and nothing else')
    .addHelpText('after', AFTER_HELP)
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .exitOverride();
  addRunCommands(program);
  addRestoreCommand(program);
  addSetCommands(program);
  addRescueCommand(program);
  addPruneCommand(program);
  addFleetCommands(program);
  addScheduleCommands(program);
  addStatusCommands(program);
  addDoctorCommand(program);
  addProcessCommands(program);
  addConfigCommands(program);
  tab(program, { completionCommandName: 'completion' });
  return acceptGlobalOptionsAnywhere(program);
}

/** `lifeboat list --json` is what people type: the global options are taken behind a command too. */
function acceptGlobalOptionsAnywhere(program: Command): Command {
  for (const command of program.commands) {
    if (command.name().startsWith('complet')) continue;
    for (const one of [command, ...command.commands]) {
      one.exitOverride();
      one.option('-c, --config <file>').option('--json');
      for (const option of one.options.slice(-2)) option.hideHelp();
    }
  }
  return program;
}
