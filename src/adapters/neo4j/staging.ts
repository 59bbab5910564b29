import { LABELS, stagingName } from '../../model/names.ts';
import { makeDirectories } from '../docker/archive.ts';
import type { Engine } from '../docker/engine.ts';
import { createHelper, removeContainer, removeContainers } from '../docker/helper.ts';
import { volumesInMemory } from '../docker/image.ts';
import { createVolume, listVolumes, removeVolume } from '../docker/volume.ts';

/** Where the staging volume is mounted in helpers. */
export const STAGING = '/lifeboat';

/** A volume of Lifeboat's, and a container that is never started, through which the engine's archive streams reach it. */
export interface Staging {
  volume: string;
  carrier: string;
  /** The volume's path on the engine's host. */
  mountpoint: string;
}

/** Make the staging of one service in one run, with directories that belong to the store's owner. */
export async function createStaging(
  engine: Engine,
  options: {
    set: string;
    service: string;
    workflowId: string;
    runId: string;
    imageId: string;
    owner: { uid: number; gid: number };
    directories: string[];
    /** What it is for. `kept`: it will hold the safety copy of a restore, and outlives the run. Default `staging`. */
    role?: 'staging' | 'kept';
  },
): Promise<Staging> {
  const labels = {
    [LABELS.role]: options.role ?? 'staging',
    [LABELS.set]: options.set,
    [LABELS.service]: options.service,
    [LABELS.workflow]: options.workflowId,
    [LABELS.run]: options.runId,
  };
  const volume = await createVolume(engine, stagingName(options.set, options.service), labels);
  const carrier = await createHelper(engine, {
    name: `${volume.name}-carrier`,
    imageId: options.imageId,
    entrypoint: ['true'],
    command: [],
    env: {},
    user: `${options.owner.uid}:${options.owner.gid}`,
    volumesFrom: [],
    tmpfs: await volumesInMemory(engine, options.imageId, options.owner),
    binds: [`${volume.name}:${STAGING}`],
    labels: { ...labels, [LABELS.role]: 'staging' },
  });
  await makeDirectories(engine, carrier, STAGING, options.directories, options.owner);
  return { volume: volume.name, carrier, mountpoint: volume.mountpoint };
}

/**
 * Remove it with all that is in it; of one that is to hold a safety copy only the way into it, since its volume may hold
 * the only copy of the old stores. What is gone already is no error.
 */
export async function removeStaging(engine: Engine, set: string, service: string): Promise<void> {
  const volume = stagingName(set, service);
  const kept = await keptVolumes(engine, service);
  // A helper of a critical section that was terminated may still be at work on it.
  await removeContainers(engine, { [LABELS.set]: set, [LABELS.service]: service });
  await removeContainer(engine, `${volume}-carrier`);
  if (!kept.includes(volume)) await removeVolume(engine, volume);
}

/** Volumes that hold safety copies of a service. */
export async function keptVolumes(engine: Engine, service: string): Promise<string[]> {
  const volumes = await listVolumes(engine, { [LABELS.role]: 'kept', [LABELS.service]: service });
  return volumes.map(({ name }) => name);
}
