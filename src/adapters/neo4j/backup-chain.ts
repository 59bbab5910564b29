import { LABELS, word } from '../../model/names.ts';
import { makeDirectories } from '../docker/archive.ts';
import type { Engine } from '../docker/engine.ts';
import { createHelper, removeContainer, removeContainers } from '../docker/helper.ts';
import { createVolume, removeVolume } from '../docker/volume.ts';
import type { AdminContext } from './dump.ts';

/** Where helpers see the volume that keeps the chain of a service's own backups between runs. */
export const CHAIN = '/lifeboat-chain';
/** In which the artifacts are: the volume's own root belongs to nobody. */
export const ARTIFACTS = `${CHAIN}/artifacts`;

/** The volume of a service's chain. */
export const chainName = (service: string): string => `lifeboat-chain-${word(service)}`;

/** Make the volume of a chain, or find the one that is there; whatever still works on it for another run is ended. */
export async function ensureChain(engine: Engine, context: AdminContext): Promise<string> {
  const { service, set, runId } = context;
  const name = chainName(service);
  await endHelpersOfOthers(engine, context);
  const labels = { [LABELS.role]: 'chain', [LABELS.service]: service };
  await createVolume(engine, name, labels);
  const carrier = await createHelper(engine, {
    name: `${name}-carrier`,
    imageId: context.imageId,
    entrypoint: ['true'],
    command: [],
    env: {},
    user: `${context.owner.uid}:${context.owner.gid}`,
    volumesFrom: [],
    ...(context.tmpfs ? { tmpfs: context.tmpfs } : {}),
    binds: [`${name}:${CHAIN}`],
    labels: { [LABELS.service]: service, [LABELS.set]: set, [LABELS.run]: runId },
  });
  try {
    await makeDirectories(engine, carrier, CHAIN, ['artifacts'], context.owner);
  } finally {
    await removeContainer(engine, carrier);
  }
  return name;
}

/** Forget what is kept, so that the next backup is a full one. */
export async function forgetChain(engine: Engine, context: AdminContext): Promise<void> {
  await endHelpersOfOthers(engine, context);
  await removeVolume(engine, chainName(context.service));
}

/** A helper of a run that was terminated may go on for a while: two must not write one chain. */
async function endHelpersOfOthers(engine: Engine, { service, runId }: AdminContext): Promise<void> {
  const volume = chainName(service);
  await removeContainers(
    engine,
    { [LABELS.service]: service, [LABELS.role]: 'helper' },
    ({ Labels, Mounts }) => Labels[LABELS.run] !== runId && Mounts.some(({ Name }) => Name === volume),
  );
}
