import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { buildConfig } from '../../config/build.ts';
import { KEY_BYTES } from '../../config/codec.ts';
import type { Config } from '../../config/config.ts';
import { type Problem, pathText, problemsOf } from '../../config/problems.ts';
import { fileSchema } from '../../config/schema.ts';
import { readSecretFiles } from '../../config/secret-files.ts';
import { SECRETS_DIRECTORY } from '../../config/variables.ts';
import { LifeboatError } from '../../model/failures.ts';
import type { Targets } from './targets.ts';

/** What stands on the command line in place of a configuration file. */
export interface RescueFlags {
  repository: string;
  endpoint?: string;
  region?: string;
  gcsCredentials?: string;
  identity?: string[];
  passphraseFile?: string;
  bolt?: string;
  username?: string;
  passwordFile?: string;
  apiKeyFile?: string;
}

/**
 * Whose the containers and volumes of a rescue are: never those of an installation on the same engine, whose runs its own Temporal does not know. Fixed,
 * so that the next rescue removes what a killed one has left.
 */
const RESCUE_QUEUE = 'lifeboat-rescue';

/** The repository's name in runs and messages. */
export const RESCUED = 'rescue';

/**
 * The configuration that flags and the usual variables make, checked like a file. Nothing is written anywhere.
 * @param targets absent: only the repository is read.
 * @throws {LifeboatError} `InvalidConfiguration` with every problem at once
 */
export async function rescueConfiguration(
  flags: RescueFlags,
  targets?: Targets,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Config> {
  const value = withoutNothing({
    services: targets && servicesOf(flags, targets, env),
    repositories: { [RESCUED]: repositoryOf(flags, env) },
    encryption:
      flags.identity || flags.passphraseFile
        ? { identityFiles: flags.identity, passphraseFile: flags.passphraseFile }
        : undefined,
    telemetry: { enabled: false, logLevel: 'warn' },
    statusPage: { enabled: false },
    // What the server of this run writes down is for nobody after it.
    temporal: { codec: { keys: [{ name: RESCUED, key: randomBytes(KEY_BYTES).toString('base64') }] } },
  });
  const secrets = await readSecretFiles(value, process.cwd(), SECRETS_DIRECTORY);
  const problems: Problem[] = [...secrets.problems];
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues));
  const config = parsed.success ? buildConfig(parsed.data, secrets, problems) : undefined;
  if (!config || problems.length > 0) {
    const told = problems.map(({ path, message }) => `${pathText(path)}: ${message}`);
    throw new LifeboatError('InvalidConfiguration', `The options do not work: ${told.join('; ')}.`);
  }
  // Nothing runs by itself here.
  return { ...config, schedules: [], temporal: { ...config.temporal, taskQueue: RESCUE_QUEUE } };
}

/** A URL with a bucket, or a folder. */
function repositoryOf(flags: RescueFlags, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const [, scheme, bucket, prefix] = /^(s3|gs):\/\/([^/]+)\/*(.*)$/.exec(flags.repository) ?? [];
  if (scheme === 's3') {
    return {
      kind: 's3',
      bucket,
      prefix,
      region: flags.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION,
      endpoint: flags.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL,
    };
  }
  if (scheme === 'gs') {
    return { kind: 'gcs', bucket, prefix, endpoint: flags.endpoint, credentialsFile: flags.gcsCredentials };
  }
  if (/^[a-z0-9]+:\/\//i.test(flags.repository)) {
    throw new LifeboatError(
      'InvalidInput',
      `--repository ${flags.repository} is not understood: give a folder, s3://bucket/prefix or gs://bucket/prefix.`,
    );
  }
  return { kind: 'directory', path: resolve(flags.repository) };
}

function servicesOf(flags: RescueFlags, targets: Targets, env: NodeJS.ProcessEnv): Record<string, unknown> {
  if (flags.bolt !== undefined && targets.containers.size > 1) {
    throw new LifeboatError(
      'InvalidInput',
      '--bolt is the address of one container, and --container names several: leave it out, or restore one after the other.',
    );
  }
  const neo4j = [...targets.containers].map(([service, container]) => [
    service,
    {
      kind: 'neo4j',
      container,
      bolt: flags.bolt,
      username: flags.username,
      ...(flags.passwordFile
        ? { passwordFile: flags.passwordFile }
        : { password: env.NEO4J_PASSWORD || undefined }),
    },
  ]);
  const qdrant = [...targets.urls].map(([service, urls]) => [
    service,
    {
      kind: 'qdrant',
      urls,
      ...(flags.apiKeyFile ? { apiKeyFile: flags.apiKeyFile } : { apiKey: env.QDRANT_API_KEY || undefined }),
    },
  ]);
  return Object.fromEntries([...neo4j, ...qdrant]);
}

/** A configuration has no `undefined`: what was not given is left out. */
const withoutNothing = (value: object): Record<string, unknown> => JSON.parse(JSON.stringify(value));
