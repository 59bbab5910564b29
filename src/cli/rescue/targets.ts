import { LifeboatError } from '../../model/failures.ts';
import type { Manifest } from '../../model/manifest.ts';

/** Where the services of a set go: by service, a container or the base URLs of a server. */
export interface Targets {
  containers: Map<string, string>;
  urls: Map<string, string[]>;
  /** Services of the set for which nothing was given: they stay out of the restore. */
  left: string[];
}

/** `NAME=value`; a URL or a container's name alone has no `=` before which a service's name could stand. */
const NAMED = /^([A-Za-z0-9_][A-Za-z0-9._-]*)=(.+)$/;

/**
 * Which service goes where: the name before `=` says it, and needs not to be given for the only service of its kind.
 * @throws {LifeboatError} `InvalidInput`, which says what the set has, for a name that it does not have, and for no target at all
 */
export function targetsOf(manifest: Manifest, containers: string[], urls: string[]): Targets {
  const named = (kind: 'neo4j' | 'qdrant', option: string, given: string[]): Map<string, string[]> => {
    const present = manifest.services.filter((one) => one.kind === kind).map(({ name }) => name);
    const found = new Map<string, string[]>();
    for (const text of given) {
      const [, service = present.length === 1 ? present[0] : undefined, value = text] =
        NAMED.exec(text) ?? [];
      if (service === undefined || !present.includes(service)) {
        throw new LifeboatError(
          'InvalidInput',
          `${option} ${text} does not say which service it is for: the set ${manifest.set} has ${servicesText(manifest)}. Write ${option} SERVICE=${value}.`,
        );
      }
      found.set(service, [...(found.get(service) ?? []), value]);
    }
    return found;
  };
  const toContainers = named('neo4j', '--container', containers);
  const toUrls = named('qdrant', '--qdrant', urls);
  if (toContainers.size + toUrls.size === 0) {
    throw new LifeboatError(
      'InvalidInput',
      `Say where to restore to: the set ${manifest.set} has ${servicesText(manifest)}. Give --container with the name of a fresh, running Neo4j container, --qdrant with the URL of a Qdrant server, or both.`,
    );
  }
  const twice = [...toContainers].find(([, names]) => names.length > 1);
  if (twice) {
    throw new LifeboatError(
      'InvalidInput',
      `--container names ${twice[1].join(' and ')} for the service "${twice[0]}": give one.`,
    );
  }
  return {
    containers: new Map([...toContainers].map(([service, [name]]) => [service, name as string])),
    urls: toUrls,
    left: manifest.services
      .map(({ name }) => name)
      .filter((name) => !toContainers.has(name) && !toUrls.has(name)),
  };
}

/** `graph (neo4j 5.26.0), vectors (qdrant 1.18.3)`: what has to be started for a restore. */
export const servicesText = (manifest: Manifest): string =>
  manifest.services.map(({ name, kind, version }) => `${name} (${kind} ${version})`).join(', ') ||
  'no services';
