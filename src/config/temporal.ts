import { type ClientConnectConfig, loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { Config } from './config.ts';
import type { Problem } from './problems.ts';
import type { ConfigFile } from './schema.ts';

type Temporal = Config['temporal'];

const definedOnly = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

const profileOf = (profile: string | undefined, env: NodeJS.ProcessEnv) =>
  // A profile that the environment names comes before the file's.
  loadClientConfigProfile({
    overrideEnvVars: definedOnly(env),
    ...(profile !== undefined && !env.TEMPORAL_PROFILE && { profile }),
  });

/** Address and namespace in the order: TEMPORAL_* variables, Temporal's own configuration file, ours, defaults. */
export function temporalDefaults(
  temporal: Temporal,
  file: ConfigFile['temporal'],
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): Temporal {
  try {
    const profile = profileOf(file?.profile, env);
    return {
      ...temporal,
      address: profile.address ?? temporal.address,
      namespace: profile.namespace ?? temporal.namespace,
    };
  } catch (error) {
    // The library takes a file without any profile for a mistake of its own.
    const why = error instanceof TypeError ? 'it has no [profile.…] section' : (error as Error).message;
    problems.push({ path: ['temporal'], message: `Temporal’s own configuration can not be used: ${why}` });
    return temporal;
  }
}

/** Everything that a connection to the Temporal server needs. Pass the namespace on: the connection does not carry it. */
export interface TemporalConnection {
  connectionOptions: ClientConnectConfig['connectionOptions'];
  namespace: string;
  taskQueue: string;
}

/**
 * Connection options with TLS, API key and headers as Temporal's own variables and profile give them.
 * They hold secrets: hand them to `Connection.connect` or `NativeConnection.connect` and print nothing of them.
 */
export function temporalConnection(
  config: Pick<Config, 'temporal'>,
  env: NodeJS.ProcessEnv = process.env,
): TemporalConnection {
  const { address, namespace, taskQueue, profile } = config.temporal;
  const { connectionOptions } = toClientOptions(profileOf(profile, env));
  return { connectionOptions: { ...connectionOptions, address }, namespace, taskQueue };
}
