import { asking, type Engine } from './engine.ts';

/** What an image declares. */
export interface Image {
  /** The content id, `sha256:…`. */
  id: string;
  env: Record<string, string>;
  /** Paths for which a container gets an anonymous volume unless something else is mounted there. */
  volumes: string[];
}

export async function inspectImage(engine: Engine, name: string): Promise<Image> {
  const { Id, Config } = await asking(`inspect the image ${name}`, () => engine.getImage(name).inspect());
  return {
    id: Id,
    env: Object.fromEntries(
      (Config.Env ?? []).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ),
    volumes: Object.keys(Config.Volumes ?? {}),
  };
}

/** Mounts in memory for all that an image declares as volumes: so a container makes none, and leaves none behind. */
export async function volumesInMemory(
  engine: Engine,
  image: string,
  owner: { uid: number; gid: number },
): Promise<Record<string, string>> {
  const { volumes } = await inspectImage(engine, image);
  return Object.fromEntries(
    volumes.map((path) => [path, `rw,size=64m,mode=0700,uid=${owner.uid},gid=${owner.gid}`]),
  );
}
