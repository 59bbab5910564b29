import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerCreateOptions, ContainerInfo } from 'dockerode';
import { LifeboatError } from '../../model/failures.ts';
import { LABELS } from '../../model/names.ts';
import { type Container, findContainer } from './container.ts';
import { asking, type Engine, engineStatus, installationLabel } from './engine.ts';
import { readOutput } from './output.ts';

/** A short-lived container that does one thing with a service's image and volumes. */
export interface HelperSpec {
  /** Fixed for one attempt of one step, so that a retry finds the helper that is still at work. */
  name: string;
  imageId: string;
  /** Without it, the image's own entrypoint runs. */
  entrypoint?: string[];
  command: string[];
  env: Record<string, string>;
  /** `uid:gid`. */
  user: string;
  /** Containers whose volumes it sees at the same places. */
  volumesFrom: string[];
  /** More mounts, `volume:/path[:ro]`. */
  binds: string[];
  /** Paths in memory, with their mount options. */
  tmpfs?: Record<string, string>;
  labels: Record<string, string>;
  /** As Docker names it. Default `none`. */
  network?: string;
  /** Bytes; 0: no limit. Default: what a script, or else a JVM, gets along with. */
  memoryBytes?: number;
  /** Its part of cores that not all can have, where any other container has 1024 (Docker's default). */
  cpuShares?: number;
}

/** How a helper ended. */
export interface HelperOutcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface HelperRun {
  signal?: AbortSignal;
  /** Asked when `signal` is aborted: whether the helper goes on, to be joined by a later attempt. Default no. */
  keep?: () => boolean;
  /** Called about every second with the last lines of its output. */
  tick?: (output: string) => void;
  tickMs?: number;
}

/** Limits of memory (bytes): a runaway helper must not take the databases' own. A JVM takes a quarter of its limit as heap. */
const SCRIPT_MEMORY = 1024 * 1024 * 1024;
const JVM_MEMORY = 4 * 1024 * 1024 * 1024;

/** Make a helper without starting it; a helper of this name that exists already is taken as it is. */
export async function createHelper(engine: Engine, spec: HelperSpec): Promise<string> {
  const options: ContainerCreateOptions = {
    name: spec.name,
    Image: spec.imageId,
    ...(spec.entrypoint ? { Entrypoint: spec.entrypoint } : {}),
    Cmd: spec.command,
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    User: spec.user,
    // With the network of another container comes its name.
    ...(spec.network ? {} : { Hostname: 'localhost' }),
    Labels: {
      ...spec.labels,
      ...installationLabel(engine),
      [LABELS.role]: spec.labels[LABELS.role] ?? 'helper',
    },
    // A health check of the image would start programs beside the one that is wanted.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: spec.network ?? 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 1024,
      // The image's own entrypoint writes its configuration beside its programs; a script writes to mounts alone.
      ReadonlyRootfs: spec.entrypoint !== undefined,
      Memory: spec.memoryBytes ?? (spec.entrypoint ? SCRIPT_MEMORY : JVM_MEMORY),
      ...(spec.cpuShares ? { CpuShares: spec.cpuShares } : {}),
      VolumesFrom: spec.volumesFrom,
      Binds: spec.binds,
      ...(spec.tmpfs ? { Tmpfs: spec.tmpfs } : {}),
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '1' } },
    },
  };
  try {
    return (await engine.createContainer(options)).id;
  } catch (error) {
    if (engineStatus(error) !== 409) {
      return await asking(`create the helper container ${spec.name}`, () => Promise.reject(error));
    }
    return (await findContainer(engine, { container: spec.name })).id;
  }
}

/** Make and start a helper, or find the one of this name that was started already. */
export async function beginHelper(engine: Engine, spec: HelperSpec): Promise<Container> {
  const id = await createHelper(engine, spec);
  const helper = await findContainer(engine, { container: id });
  if (helper.status === 'created') await startHelper(engine, id, spec);
  return helper;
}

/**
 * Run a helper to its end, or join one of the same name that is already running, and remove it.
 * When `signal` is aborted the helper is killed before this throws the signal's reason, so nothing of it goes on;
 * unless `keep` says that another worker will join it.
 */
export async function runHelper(
  engine: Engine,
  spec: HelperSpec,
  options: HelperRun = {},
): Promise<HelperOutcome> {
  const { id } = await beginHelper(engine, spec);
  const container = engine.getContainer(id);
  try {
    while (true) {
      options.signal?.throwIfAborted();
      const state = await findContainer(engine, { container: id });
      if (!state.running && state.status !== 'created') break;
      options.tick?.(options.tickMs ? await readOutput(engine, id, 'stdout', 50) : '');
      await Promise.race([
        container.wait({}).catch(() => {}),
        sleep(options.tickMs ?? 1000, undefined, options.signal ? { signal: options.signal } : {}).catch(
          () => {},
        ),
      ]);
    }
    const { exitCode } = await findContainer(engine, { container: id });
    return {
      exitCode,
      stdout: await readOutput(engine, id, 'stdout'),
      stderr: await readOutput(engine, id, 'stderr'),
    };
  } catch (error) {
    if (options.signal?.aborted && !options.keep?.()) await removeContainer(engine, id);
    throw error;
  } finally {
    const ended = await findContainer(engine, { container: id }).catch(() => undefined);
    if (ended && !ended.running) await removeContainer(engine, id);
  }
}

async function startHelper(engine: Engine, id: string, spec: HelperSpec): Promise<void> {
  try {
    await engine.getContainer(id).start();
  } catch (error) {
    if (engineStatus(error) === 304) return;
    await removeContainer(engine, id);
    const said = (error as { json?: { message?: string } }).json?.message ?? '';
    if (/executable file not found|no such file or directory/i.test(said)) {
      throw new LifeboatError(
        'Neo4jAdminMissing',
        `The image ${spec.imageId.slice(0, 19)} can't run "${[...(spec.entrypoint ?? []), ...spec.command][0]}": ${said.trim()}`,
      );
    }
    await asking(`start the helper container ${spec.name}`, () => Promise.reject(error));
  }
}

/** Remove a container of Lifeboat's, killing it first where it runs. One that is gone already is no error. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  await asking(`remove the container ${id.slice(0, 12)}`, async () => {
    // Volumes are never removed with it: an anonymous one may be the service's own.
    await engine
      .getContainer(id)
      .remove({ force: true, v: false })
      .catch((error: unknown) => {
        const status = engineStatus(error);
        if (status !== 404 && status !== 409) throw error;
      });
  });
}

/** Remove all containers of this installation's that carry these labels, or those of them that `which` names; answers how many there were. */
export async function removeContainers(
  engine: Engine,
  labels: Record<string, string>,
  which: (container: ContainerInfo) => boolean = () => true,
): Promise<number> {
  const found = await asking("list Lifeboat's containers", () =>
    engine.listContainers({
      all: true,
      filters: JSON.stringify({
        label: Object.entries({ ...labels, ...installationLabel(engine) }).map(
          ([key, value]) => `${key}=${value}`,
        ),
      }),
    }),
  );
  const ours = found.filter(
    (one) => ['helper', 'sandbox'].includes(one.Labels[LABELS.role] ?? '') && which(one),
  );
  for (const { Id } of ours) await removeContainer(engine, Id);
  return ours.length;
}
