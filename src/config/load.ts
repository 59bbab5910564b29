import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LifeboatError } from '../model/failures.ts';
import { buildConfig } from './build.ts';
import type { Config } from './config.ts';
import { readDocument } from './document.ts';
import { meaningProblems } from './meaning.ts';
import { invalidConfiguration, type Problem, pathText, problemsOf } from './problems.ts';
import { fileSchema } from './schema.ts';
import { readSecretFiles } from './secret-files.ts';
import { temporalDefaults } from './temporal.ts';
import { SECRETS_DIRECTORY, variables } from './variables.ts';

export interface LoadOptions {
  /** Default: `LIFEBOAT_CONFIG`, then `./lifeboat.yaml`, then `/etc/lifeboat/lifeboat.yaml`. */
  file?: string | undefined;
  /** Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Where Docker secrets are. Default `/run/secrets`. */
  secretsDirectory?: string;
}

/** Places that are looked at when no file is named, in this order. */
export const DEFAULT_FILES = ['lifeboat.yaml', '/etc/lifeboat/lifeboat.yaml'];

/**
 * Read, check and resolve the configuration.
 * @throws {LifeboatError} `InvalidConfiguration` with every problem at once, each with its place; `details.problems` has
 * them as data.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<Config> {
  const env = options.env ?? process.env;
  const secretsDirectory = options.secretsDirectory ?? SECRETS_DIRECTORY;
  const { file, text } = await readConfigFile(options.file ?? env.LIFEBOAT_CONFIG);

  const document = readDocument(text, variables(env, secretsDirectory));
  const problems: Problem[] = [...document.problems];
  const finish = (): never => {
    throw invalidConfiguration(
      problems.map((problem) =>
        problem.line === undefined && problem.source === undefined
          ? { ...problem, ...document.place(problem.path) }
          : problem,
      ),
      file,
    );
  };
  if (document.value === undefined) return finish();

  const secrets = await readSecretFiles(document.value, dirname(file), secretsDirectory);
  const meaning = meaningProblems(document.value);
  const parsed = fileSchema.safeParse(document.value);
  problems.push(...secrets.problems, ...meaning);
  if (!parsed.success) {
    // What is wrong with one value is told once: in the words that say what to add or to set.
    const told = new Set([...meaning, ...document.problems].map(({ path }) => pathText(path)));
    problems.push(...problemsOf(parsed.error.issues).filter(({ path }) => !told.has(pathText(path))));
    return finish();
  }
  const config = buildConfig(parsed.data, secrets, problems);
  const temporal = temporalDefaults(config.temporal, parsed.data.temporal, env, problems);
  if (problems.length > 0) return finish();
  return { ...config, temporal, file };
}

async function readConfigFile(named: string | undefined): Promise<{ file: string; text: string }> {
  const candidates = named === undefined || named === '' ? DEFAULT_FILES : [named];
  for (const candidate of candidates) {
    const file = resolve(candidate);
    try {
      return { file, text: await readFile(file, 'utf8') };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new LifeboatError('InvalidConfiguration', `The configuration ${file} can not be read.`, {
        cause,
      });
    }
  }
  const looked = candidates.map((candidate) => resolve(candidate)).join(' and ');
  throw new LifeboatError(
    'InvalidConfiguration',
    `There is no configuration file: looked for ${looked}. Copy lifeboat.example.yaml there, or name a file with --config or LIFEBOAT_CONFIG.`,
  );
}
