import { rm } from 'node:fs/promises';
import type Docker from 'dockerode';
import { connectDocker, releaseEngine, stopPrivateEngine, unmountBelow } from './engine.ts';
import { TESTBED_LABEL } from './neo4j.ts';
import { endProcess, markedProcesses } from './process.ts';
import { forget, type TestbedState } from './state.ts';

/**
 * Remove everything of a testbed: its processes, its containers and volumes by their label, its scratch directory,
 * its state file. Does as much as it can and throws what went wrong at the end. May be called again.
 */
export async function takeDown(state: TestbedState): Promise<void> {
  const outcomes = await Promise.allSettled([
    // Nothing of them is kept, so they get no time to end well.
    ...state.processes.concat(markedProcesses(state.id)).map((process) => endProcess(process, 500)),
    ...(state.docker ? [removeLabelled(connectDocker(state.docker.host), state.id)] : []),
  ]);
  outcomes.push(...(await Promise.allSettled([letGoOfEngine(state)])));
  const failed = outcomes
    .filter((outcome) => outcome.status === 'rejected')
    .map((outcome) => outcome.reason as Error);
  if (failed.length > 0) {
    throw new AggregateError(
      failed,
      `Not all of testbed ${state.id} could be removed: ${failed.map((one) => one.message).join(' ')}`,
    );
  }
  await unmountBelow(state.directory);
  for (const path of [...(state.files ?? []), state.directory]) {
    await rm(path, { recursive: true, force: true });
  }
  await forget(state.id);
}

async function letGoOfEngine({ id, docker }: TestbedState): Promise<void> {
  if (docker?.directory !== undefined) return await stopPrivateEngine(docker.directory);
  if (docker?.private !== false) await releaseEngine(id);
}

/** Remove containers, then volumes, that carry the testbed's label. An engine that is gone took them along. */
export async function removeLabelled(docker: Docker, id: string): Promise<void> {
  const filters = { label: [`${TESTBED_LABEL}=${id}`] };
  const containers = await docker.listContainers({ all: true, filters }).catch(unlessUnreachable);
  for (const { Id } of containers ?? []) {
    await docker.getContainer(Id).remove({ force: true, v: true }).catch(unlessMissing);
  }
  const volumes = await docker.listVolumes({ filters }).catch(unlessUnreachable);
  for (const { Name } of volumes?.Volumes ?? []) {
    // What Lifeboat made beside a server under test uses the server's volumes, and does not carry the label.
    const using = await docker.listContainers({ all: true, filters: { volume: [Name] } });
    for (const { Id } of using)
      await docker.getContainer(Id).remove({ force: true, v: true }).catch(unlessMissing);
    await docker.getVolume(Name).remove({ force: true }).catch(unlessMissing);
  }
}

function unlessMissing(error: unknown): void {
  if ((error as { statusCode?: number }).statusCode !== 404) throw error;
}

function unlessUnreachable(error: unknown): undefined {
  if ((error as { statusCode?: number }).statusCode !== undefined) throw error;
}

/** The ids of all testbeds that have a container or a volume on this engine. */
export async function labelledIds(docker: Docker): Promise<Set<string>> {
  const filters = { label: [TESTBED_LABEL] };
  const containers = await docker.listContainers({ all: true, filters });
  const volumes = await docker.listVolumes({ filters });
  const labels = [...containers, ...(volumes.Volumes ?? [])].map((one) => one.Labels?.[TESTBED_LABEL]);
  return new Set(labels.filter((id) => id !== undefined));
}
