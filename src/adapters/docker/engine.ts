import Docker from 'dockerode';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import { LABELS } from '../../model/names.ts';

export type Engine = Docker;

/**
 * A client of the Docker engine that `DOCKER_HOST` (with `DOCKER_CERT_PATH`) or the default socket reaches.
 * It connects at its first call, not here.
 */
export function connectEngine(options?: Docker.DockerOptions): Engine {
  return new Docker(options);
}

const installations = new WeakMap<Engine, string>();

/**
 * Say which installation of Lifeboat uses this client: everything that it makes carries the name, and what others made is not its to
 * remove. Two installations may share an engine.
 */
export function actFor(engine: Engine, installation: string): void {
  installations.set(engine, installation);
}

/** The label of this client's installation; none for a client that acts for nobody in particular, and sees everybody's things. */
export function installationLabel(engine: Engine): Record<string, string> {
  const installation = installations.get(engine);
  return installation === undefined ? {} : { [LABELS.installation]: installation };
}

/** The HTTP status of an engine's answer, or undefined when there was no answer. */
export function engineStatus(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** Turn what dockerode threw into an error that says what could not be done and what to check. */
export function engineError(error: unknown, attempt: string): LifeboatError {
  if (error instanceof LifeboatError) return error;
  const status = engineStatus(error);
  const said = (error as { json?: { message?: string } } | null)?.json?.message ?? messageOf(error);
  if (status === undefined) {
    return new LifeboatError(
      'EngineUnreachable',
      `The Docker engine did not answer while trying to ${attempt}: ${said}. Check that it runs and that DOCKER_HOST or the socket's permissions let Lifeboat in.`,
      { cause: error },
    );
  }
  return new LifeboatError('EngineRefused', `The Docker engine refused to ${attempt}: ${said.trim()}.`, {
    cause: error,
    details: { status },
  });
}

/** Run a call of the engine; what it throws says what was attempted ("stop the container x"). */
export async function asking<T>(attempt: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw engineError(error, attempt);
  }
}
