import type { ContainerReference } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { LABELS, ofRun, word } from '../../model/names.ts';
import type { Container } from './container.ts';
import type { Engine } from './engine.ts';
import { startContainer } from './lifecycle.ts';
import { createVolume, listVolumes, removeVolume, seekVolume } from './volume.ts';

/**
 * The record that Lifeboat is about to stop or pause a container. It is an empty Docker volume, whose labels say all,
 * because such a record lives exactly where the container lives: it outlasts the worker, Temporal and the engine itself,
 * and needs no path that worker and engine share. It is written before the stop and removed after the container answers again.
 */
export interface Interruption {
  volume: string;
  action: 'stop' | 'pause';
  service: string;
  containerId: string;
  containerName: string;
  workflowId: string;
  runId: string;
  /** When it was written: before the stop or pause. */
  at: Date;
  /** What was being swapped in the window, so that whoever closes it can bring the old stores back; JSON. */
  restore?: string;
  /** By when the stop must have been done (grace included): what was stopped later, somebody else stopped. */
  stopBy: Date;
  /** The container was found stopped, and is left so: only what is being swapped is to be settled. */
  leftStopped?: boolean;
  /** Giving it back has begun: from then on its times prove nothing, because Lifeboat itself stops and starts it. */
  givingBack?: boolean;
}

/** By how much the clocks of worker and engine may differ (milliseconds). */
const CLOCKS_MS = 30_000;

const KEY = {
  action: 'lifeboat.action',
  at: 'lifeboat.at',
  stopBy: 'lifeboat.stop-by',
  containerName: 'lifeboat.container-name',
  restore: 'lifeboat.restore',
  leftStopped: 'lifeboat.left-stopped',
  /** On the sign beside a record, instead of all else: the record's volume. */
  givingBack: 'lifeboat.giving-back',
} as const;

/** Write the record; writing it again for the same run and a container that is down already changes nothing. */
export async function recordInterruption(
  engine: Engine,
  container: Container,
  about: {
    action: 'stop' | 'pause';
    service: string;
    workflowId: string;
    runId: string;
    graceSeconds: number;
    restore?: string | undefined;
    leftStopped?: boolean;
  },
): Promise<string> {
  const now = Date.now();
  const name = interruptionName(about.service, container.id, about.runId, about.action);
  // A record of an attempt that died before its stop has times that are over by now: this attempt's are the ones that count.
  if (container.running && !container.paused) await clearInterruption(engine, name);
  await createVolume(engine, name, {
    [LABELS.role]: 'interruption',
    [LABELS.service]: about.service,
    [LABELS.container]: container.id,
    [LABELS.workflow]: about.workflowId,
    [LABELS.run]: about.runId,
    [KEY.containerName]: container.name,
    [KEY.action]: about.action,
    ...(about.restore ? { [KEY.restore]: about.restore } : {}),
    ...(about.leftStopped ? { [KEY.leftStopped]: 'true' } : {}),
    [KEY.at]: new Date(now).toISOString(),
    [KEY.stopBy]: new Date(now + about.graceSeconds * 1000 + CLOCKS_MS).toISOString(),
  });
  return name;
}

function interruptionName(service: string, containerId: string, runId: string, action: string): string {
  return `lifeboat-interruption-${word(service)}-${containerId.slice(0, 12)}-${ofRun(runId)}-${action}`;
}

/**
 * Stop or pause a container under its record. An attempt that slept over its own end may act after a later one has given the service back and
 * removed the record: then nobody else would ever undo it, so it undoes it itself. Whoever removes a record looks at the container once more after that.
 * @throws {LifeboatError} `WindowLost`
 */
export async function underRecord<T>(
  engine: Engine,
  container: Container,
  about: Parameters<typeof recordInterruption>[2],
  act: () => Promise<T>,
): Promise<T> {
  const record = await recordInterruption(engine, container, about);
  const done = await act();
  if (await seekVolume(engine, record)) return done;
  await startContainer(engine, container.id);
  throw new LifeboatError(
    'WindowLost',
    `The record of a ${about.action} of the container "${container.name}" was removed meanwhile, so the container goes on: another attempt has ended this window.`,
  );
}

/** All records on this engine, oldest first. */
export async function listInterruptions(engine: Engine): Promise<Interruption[]> {
  const volumes = await listVolumes(engine, { [LABELS.role]: 'interruption' });
  const givenBack = new Set(volumes.map(({ labels }) => labels[KEY.givingBack]));
  return volumes
    .filter(({ labels }) => labels[KEY.givingBack] === undefined)
    .map(
      ({ name, labels }): Interruption => ({
        volume: name,
        action: labels[KEY.action] === 'pause' ? 'pause' : 'stop',
        service: labels[LABELS.service] ?? '',
        containerId: labels[LABELS.container] ?? '',
        containerName: labels[KEY.containerName] ?? '',
        workflowId: labels[LABELS.workflow] ?? '',
        runId: labels[LABELS.run] ?? '',
        ...(labels[KEY.restore] ? { restore: labels[KEY.restore] } : {}),
        at: new Date(labels[KEY.at] ?? 0),
        stopBy: new Date(labels[KEY.stopBy] ?? 0),
        ...(labels[KEY.leftStopped] ? { leftStopped: true } : {}),
        ...(givenBack.has(name) ? { givingBack: true } : {}),
      }),
    )
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** Say that giving the container back has begun: by a sign beside the record, since the labels of a volume never change. */
export async function beginGivingBack(engine: Engine, record: Interruption): Promise<void> {
  await createVolume(engine, signOf(record.volume), {
    [LABELS.role]: 'interruption',
    [LABELS.service]: record.service,
    [KEY.givingBack]: record.volume,
  });
}

const signOf = (volume: string): string => `${volume}-giving-back`;

/** Remove the record: the container runs again, or a person has taken over. */
export async function clearInterruption(engine: Engine, volume: string): Promise<void> {
  // The sign first: nobody would find it without its record.
  await removeVolume(engine, signOf(volume));
  await removeVolume(engine, volume);
}

/**
 * Whether the container is down because of the record, and so is Lifeboat's to start:
 * it must have gone down after the record was written, within the time that the stop may take, and not have been started since.
 * What a person stops later is theirs, unless giving it back has begun.
 */
export function isOurs(record: Interruption, container: Container): boolean {
  if (record.givingBack) return container.paused || !container.running;
  if (record.action === 'pause') return container.paused;
  if (container.running || container.paused) return false;
  return (
    container.finishedAt.getTime() >= record.at.getTime() - CLOCKS_MS &&
    container.finishedAt.getTime() <= record.stopBy.getTime() &&
    container.startedAt.getTime() <= record.stopBy.getTime()
  );
}

/** How the configuration would name the container of a record. */
export const referenceOf = (record: Interruption): ContainerReference => ({ container: record.containerId });
