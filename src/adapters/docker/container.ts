import type { ContainerInspectInfo } from 'dockerode';
import type { ContainerReference } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { asking, type Engine, engineStatus } from './engine.ts';

/** One mount of a container. */
export interface ContainerMount {
  type: string;
  /** The volume's name; empty for bind mounts. */
  name: string;
  /** The path on the engine's host. */
  source: string;
  /** The path in the container. */
  destination: string;
  writable: boolean;
}

/** What Lifeboat needs to know of a container. */
export interface Container {
  id: string;
  /** Without the leading slash. */
  name: string;
  image: string;
  /** The image's content id (`sha256:…`): what a helper runs, whatever the tag means by then. */
  imageId: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  status: string;
  running: boolean;
  paused: boolean;
  exitCode: number;
  startedAt: Date;
  finishedAt: Date;
  health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  env: Record<string, string>;
  /** As in the image or compose file; empty: the image's default, root. */
  user: string;
  labels: Record<string, string>;
  mounts: ContainerMount[];
  /** Docker removes it when it stops: it could not be started again. */
  autoRemove: boolean;
  networkMode: string;
  /** Host addresses of published ports by container port (`7687/tcp`). */
  ports: Record<string, string[]>;
}

/** How a reference reads in a sentence. */
export function describeReference(reference: ContainerReference): string {
  return 'container' in reference
    ? `container "${reference.container}"`
    : `compose service "${reference.compose.service}" of project "${reference.compose.project}"`;
}

const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';

/**
 * Find a container by name, id, or compose project and service: anew at each call, since it may have been recreated.
 * @throws {LifeboatError} `ContainerNotFound`, or `ContainerAmbiguous` for a compose service with several containers.
 */
export async function findContainer(engine: Engine, reference: ContainerReference): Promise<Container> {
  const what = describeReference(reference);
  const id =
    'container' in reference ? reference.container : await findComposeContainer(engine, reference.compose);
  try {
    return describeContainer(await engine.getContainer(id).inspect());
  } catch (error) {
    if (engineStatus(error) === 404) throw await notFound(engine, what);
    return await asking(`inspect the ${what}`, () => Promise.reject(error));
  }
}

/** The same; undefined when there is none. */
export async function seekContainer(
  engine: Engine,
  reference: ContainerReference,
): Promise<Container | undefined> {
  return await findContainer(engine, reference).catch((error: unknown) => {
    if (error instanceof LifeboatError && error.type === 'ContainerNotFound') return undefined;
    throw error;
  });
}

async function findComposeContainer(
  engine: Engine,
  { project, service }: { project: string; service: string },
): Promise<string> {
  const what = describeReference({ compose: { project, service } });
  const found = await asking(`list the containers of the ${what}`, () =>
    engine.listContainers({
      all: true,
      filters: JSON.stringify({ label: [`${PROJECT}=${project}`, `${SERVICE}=${service}`] }),
    }),
  );
  const [only, ...others] = found;
  if (!only) throw await notFound(engine, what);
  if (others.length > 0) {
    const names = found.map((c) => c.Names[0]?.replace(/^\//, '')).join(', ');
    throw new LifeboatError(
      'ContainerAmbiguous',
      `The ${what} has ${found.length} containers (${names}): name the one to protect with "container:".`,
    );
  }
  return only.Id;
}

async function notFound(engine: Engine, what: string): Promise<LifeboatError> {
  const all = await engine.listContainers({ all: true }).catch(() => []);
  const names = all
    .filter((c) => c.Labels['lifeboat.role'] === undefined)
    .map((c) => c.Names[0]?.replace(/^\//, ''))
    .slice(0, 20);
  return new LifeboatError(
    'ContainerNotFound',
    `There is no ${what} on this Docker engine. ${names.length > 0 ? `It has: ${names.join(', ')}.` : 'It has no containers.'} Correct the service's "container" or "compose".`,
  );
}

function describeContainer(info: ContainerInspectInfo): Container {
  const { State: state, Config: config, HostConfig: host } = info;
  const ports: Record<string, string[]> = {};
  for (const [port, bindings] of Object.entries(info.NetworkSettings.Ports ?? {})) {
    ports[port] = ((bindings as { HostIp: string; HostPort: string }[] | null) ?? []).map(
      ({ HostIp, HostPort }) =>
        `${['', '0.0.0.0', '::'].includes(HostIp) ? '127.0.0.1' : HostIp}:${HostPort}`,
    );
  }
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    image: config.Image,
    imageId: info.Image,
    status: state.Status,
    running: state.Running,
    paused: state.Paused,
    exitCode: state.ExitCode,
    startedAt: new Date(state.StartedAt),
    finishedAt: new Date(state.FinishedAt),
    health: (state.Health?.Status as Container['health'] | undefined) ?? 'none',
    env: Object.fromEntries(
      (config.Env ?? []).map((line) => {
        const at = line.indexOf('=');
        return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
      }),
    ),
    user: config.User ?? '',
    labels: config.Labels ?? {},
    mounts: (info.Mounts ?? []).map((mount) => ({
      type: mount.Type,
      name: mount.Name ?? '',
      source: mount.Source,
      destination: mount.Destination,
      writable: mount.RW,
    })),
    autoRemove: host.AutoRemove === true,
    networkMode: host.NetworkMode ?? 'default',
    ports,
  };
}

/** The mount that a path of the container lies on: the longest destination that contains it. */
export function mountOf(container: Container, path: string): ContainerMount | undefined {
  return container.mounts
    .filter(
      ({ destination }) => path === destination || path.startsWith(`${destination.replace(/\/$/, '')}/`),
    )
    .sort((a, b) => b.destination.length - a.destination.length)[0];
}
