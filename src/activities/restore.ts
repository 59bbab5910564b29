import { resolveSet } from '../adapters/repository/resolve-set.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact, Manifest, Neo4jRecord, QdrantRecord } from '../model/manifest.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** What is restored of one service, with what the manifest says of it. */
export type ServiceSelection =
  | { kind: 'neo4j'; service: string; record: Neo4jRecord; artifacts: Artifact[] }
  | { kind: 'qdrant'; service: string; record: QdrantRecord; artifacts: Artifact[] };

export interface Selection {
  set: string;
  repository: string;
  createdAt: string;
  state: Manifest['state'];
  /** Whether it is all that the set holds. Absent from answers of older versions. */
  whole?: boolean;
  services: ServiceSelection[];
}

/** What somebody asked for. */
export interface SelectionWish {
  set?: string | undefined;
  repository?: string | undefined;
  services?: string[] | undefined;
  databases?: string[] | undefined;
  collections?: string[] | undefined;
  into?: Record<string, string> | undefined;
  system?: boolean | undefined;
}

/** From what somebody asked for to artifacts of one set. */
export function createSelectionActivities(deps: Dependencies) {
  return {
    /** Find the set and what of it is meant; unknown names are refused with those that there are. */
    async selectArtifacts(wish: SelectionWish): Promise<Selection> {
      return await step('select', async (context) => {
        const name = wish.repository ?? deps.config().repositories[0]?.name ?? '';
        const repository = deps.repository(name);
        const found = await resolveSet(repository, wish.set ?? 'latest', context.signal);
        if ('problem' in found) throw found.problem;
        const { manifest } = found;
        const present = manifest.services.map((record) => record.name);
        requireKnown('services', wish.services, present, manifest.set);
        const isChosen = (service: string) => wish.services?.includes(service) ?? true;
        const chosen = manifest.services.filter((record) => isChosen(record.name));
        const artifacts = manifest.artifacts.filter((artifact) => isWanted(artifact, wish));
        const names = (kind: Artifact['kind']) =>
          manifest.artifacts.filter((artifact) => artifact.kind === kind).map((artifact) => artifact.name);
        requireKnown('databases', wish.databases, names('neo4j-dump'), manifest.set);
        requireKnown('collections', wish.collections, names('qdrant-snapshot'), manifest.set);
        requireOwnNames(
          wish.into ?? {},
          artifacts.filter(({ kind, service }) => kind === 'qdrant-snapshot' && isChosen(service)),
          manifest.set,
        );
        const services = chosen
          .map((record) => ({
            kind: record.kind,
            service: record.name,
            record,
            artifacts: artifacts.filter(({ service }) => service === record.name),
          }))
          .filter((selection) => selection.artifacts.length > 0) as ServiceSelection[];
        const selected = services.reduce((sum, one) => sum + one.artifacts.length, 0);
        return {
          set: manifest.set,
          repository: name,
          createdAt: manifest.createdAt,
          state: manifest.state,
          whole: selected === manifest.artifacts.length,
          services,
        };
      });
    },
  };
}

/** With names of one kind only, the other kind is not meant. `system` is restored only when it is asked for. */
function isWanted(artifact: Artifact, wish: SelectionWish): boolean {
  const named = wish.databases !== undefined || wish.collections !== undefined;
  if (artifact.kind === 'qdrant-snapshot') return wish.collections?.includes(artifact.name) ?? !named;
  if (artifact.name === 'system') return wish.system === true || wish.databases?.includes('system') === true;
  return wish.databases?.includes(artifact.name) ?? !named;
}

/** `into` renames what is restored, and no two collections into one: the second would replace the first, and its safety snapshot with it. */
function requireOwnNames(into: Record<string, string>, snapshots: Artifact[], set: string): void {
  requireKnown(
    'into',
    Object.keys(into),
    snapshots.map(({ name }) => name),
    `${set}, of what is chosen,`,
  );
  for (const [service, artifacts] of Map.groupBy(snapshots, (one) => one.service)) {
    const from = new Map<string, string>();
    for (const name of new Set(artifacts.map((one) => one.name))) {
      const to = renamed(name, into);
      const other = from.get(to);
      if (other !== undefined) {
        throw new LifeboatError(
          'InvalidInput',
          `With "into", both "${other}" and "${name}" of ${service} would be restored as "${to}": give each a name of its own, or leave one out with "collections".`,
        );
      }
      from.set(to, name);
    }
  }
}

/** A collection may be called like what every object has. */
export const renamed = (collection: string, into: Record<string, string>): string =>
  Object.hasOwn(into, collection) ? (into[collection] ?? collection) : collection;

function requireKnown(what: string, wanted: string[] | undefined, present: string[], set: string): void {
  const missing = (wanted ?? []).filter((name) => !present.includes(name));
  if (missing.length === 0) return;
  throw new LifeboatError(
    'InvalidInput',
    `"${what}" names ${missing.map((name) => `"${name}"`).join(', ')}, and the set ${set} has: ${[...new Set(present)].join(', ') || 'none'}.`,
  );
}
