import { LABELS } from '../../model/names.ts';
import { asking, type Engine, engineStatus, installationLabel } from './engine.ts';

/** A volume of Lifeboat's. */
export interface LabelledVolume {
  name: string;
  labels: Record<string, string>;
  /** On the engine's host. */
  mountpoint: string;
  createdAt: Date;
}

/**
 * Make a volume; one of this name that exists already is taken as it is, unless it has no labels at all: an engine that
 * was stopped or killed while it made a volume knows it afterwards, but not its labels, and goes on answering that it is there. Without them
 * nobody would find what the volume stands for, so such a one, which holds nothing yet, is made anew.
 */
export async function createVolume(
  engine: Engine,
  name: string,
  labels: Record<string, string>,
): Promise<LabelledVolume> {
  const create = async () => {
    await asking(`create the volume ${name}`, () =>
      engine.createVolume({ Name: name, Labels: { ...labels, ...installationLabel(engine) } }),
    );
    return await inspectVolume(engine, name);
  };
  const made = await create();
  if (Object.keys(made.labels).length > 0) return made;
  await asking(`remove the volume ${name}, which has no labels`, () => engine.getVolume(name).remove());
  return await create();
}

export async function inspectVolume(engine: Engine, name: string): Promise<LabelledVolume> {
  const info = await asking(`inspect the volume ${name}`, () => engine.getVolume(name).inspect());
  return {
    name: info.Name,
    labels: info.Labels ?? {},
    mountpoint: info.Mountpoint,
    createdAt: new Date((info as { CreatedAt?: string }).CreatedAt ?? 0),
  };
}

/** The same; undefined when there is none of this name. */
export async function seekVolume(engine: Engine, name: string): Promise<LabelledVolume | undefined> {
  try {
    return await inspectVolume(engine, name);
  } catch (error) {
    if (engineStatus((error as { cause?: unknown }).cause) === 404) return undefined;
    throw error;
  }
}

/** Volumes of this installation with all of these labels. */
export async function listVolumes(engine: Engine, labels: Record<string, string>): Promise<LabelledVolume[]> {
  const { Volumes } = await asking("list Lifeboat's volumes", () =>
    engine.listVolumes({
      filters: JSON.stringify({
        label: Object.entries({ ...labels, ...installationLabel(engine) }).map(
          ([key, value]) => `${key}=${value}`,
        ),
      }),
    } as object),
  );
  return (Volumes ?? []).map((info) => ({
    name: info.Name,
    labels: info.Labels ?? {},
    mountpoint: info.Mountpoint,
    createdAt: new Date((info as { CreatedAt?: string }).CreatedAt ?? 0),
  }));
}

/** Remove a volume that carries Lifeboat's label; any other is left alone. A volume that is gone is no error. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  const volume = await seekVolume(engine, name);
  if (volume?.labels[LABELS.role] === undefined) return;
  await asking(`remove the volume ${name}`, async () => {
    await engine
      .getVolume(name)
      .remove()
      .catch((error: unknown) => {
        if (engineStatus(error) !== 404) throw error;
      });
  });
}
