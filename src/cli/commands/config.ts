import type { Command } from 'commander';
import { stringify } from 'yaml';
import { configJsonSchema } from '../../config/json-schema.ts';
import { type Context, runs } from '../command.ts';
import { EXIT } from '../exit-code.ts';

/** `config check|show|schema`. */
export function addConfigCommands(program: Command): void {
  const config = program.command('config').description('the configuration file');

  runs(
    config.command('check').description('check the file: every problem at once, each with its place'),
    async ({ session, terminal }: Context) => {
      const { file, services, repositories, schedules } = await session.config();
      const counts = {
        services: services.length,
        repositories: repositories.length,
        schedules: schedules.length,
      };
      terminal.result({ file, ok: true, ...counts }, () => {
        const { services: s, repositories: r, schedules: n } = counts;
        return `${file} is fine: services ${s}, repositories ${r}, schedules ${n}.`;
      });
      return EXIT.ok;
    },
  );

  runs(
    config.command('show').description('show what is in force, every default filled in, without secrets'),
    async ({ session, terminal }: Context) => {
      const shown: unknown = JSON.parse(JSON.stringify(await session.config()));
      terminal.result(shown, () => stringify(shown).trimEnd());
      return EXIT.ok;
    },
  );

  runs(
    config.command('schema').description('print the JSON Schema of the file, for editors'),
    async ({ terminal }: Context) => {
      const schema = configJsonSchema();
      terminal.result(schema, () => JSON.stringify(schema, null, 2));
      return EXIT.ok;
    },
  );
}
