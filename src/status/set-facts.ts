import type { SetEntry } from '../adapters/repository/catalog.ts';
import type { Manifest } from '../model/manifest.ts';
import { shortened } from '../model/printable.ts';
import { isAhead } from '../model/set-time.ts';
import { foundOf } from '../model/verdicts.ts';

/** What was found of a set at some time. */
export interface VerdictFacts {
  kind: 'verify' | 'drill';
  ok: boolean;
  /** Of a good drill that had only some of the set's services. */
  inPart?: true;
  /** ISO time. */
  at: string;
  /** How long a drill took, where it says so. */
  seconds?: number;
}

/** One service as a set holds it. Sizes are stored bytes. */
export interface ServiceFacts {
  name: string;
  kind: 'neo4j' | 'qdrant';
  bytes: number;
  offlineSeconds: number;
  frozenSeconds: number;
}

/** What metrics and the status page need of a set: a few hundred bytes, however large its manifest is. */
export interface SetFacts {
  set: string;
  createdAt: string;
  completedAt: string;
  state: 'complete' | 'partial';
  bytes: number;
  durationSeconds: number;
  services: ServiceFacts[];
  failures: { service: string; type: string; message: string }[];
  workflowId: string;
  runId: string;
}

/** A set with what its keys tell of it today. */
export interface CatalogSet extends SetFacts {
  held: boolean;
  /** Oldest first. */
  verdicts: VerdictFacts[];
}

/** The part of a manifest that never changes. */
export function setFacts(manifest: Manifest): SetFacts {
  const bytes = new Map<string, number>();
  for (const { service, stored } of manifest.artifacts) {
    bytes.set(service, (bytes.get(service) ?? 0) + stored.bytes);
  }
  return {
    set: manifest.set,
    createdAt: manifest.createdAt,
    completedAt: manifest.completedAt,
    state: manifest.state,
    bytes: manifest.artifacts.reduce((sum, artifact) => sum + artifact.stored.bytes, 0),
    durationSeconds: Math.max(0, (Date.parse(manifest.completedAt) - Date.parse(manifest.createdAt)) / 1000),
    services: manifest.services.map((service) => ({
      name: service.name,
      kind: service.kind,
      bytes: bytes.get(service.name) ?? 0,
      offlineSeconds: service.kind === 'neo4j' ? service.offlineSeconds : 0,
      frozenSeconds: service.kind === 'neo4j' ? (service.frozenSeconds ?? 0) : 0,
    })),
    failures: manifest.failures.slice(0, 20).map((one) => ({ ...one, message: shortened(one.message, 500) })),
    workflowId: manifest.run.workflowId,
    runId: manifest.run.runId,
  };
}

/** The verdicts of an entry with real times. A drill that could not run says nothing of its set, and is left out like what can not be read. */
export function verdictsOf(entry: SetEntry): VerdictFacts[] {
  return entry.verdicts
    .flatMap(({ kind, verdict, time }) => {
      const at = verdictTime(time);
      if ((kind !== 'verify' && kind !== 'drill') || at === null) return [];
      if (verdict === 'ok-in-part') return [{ kind, ok: true, inPart: true, at } as const];
      if (verdict !== 'ok' && verdict !== 'failed') return [];
      return [{ kind, ok: verdict === 'ok', at } as const];
    })
    .sort((a, b) => a.at.localeCompare(b.at));
}

/** `2026-01-02T03-04-05-678Z`, as keys have it → ISO; null for anything else. */
function verdictTime(text: string): string | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)(?:-(\d{3}))?Z$/.exec(text);
  if (!match) return null;
  const time = new Date(`${match[1]}:${match[2]}:${match[3]}.${match[4] ?? '000'}Z`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** What verifications and drills of a set came to; undefined when there was none. */
export const found = ({ verdicts }: Pick<CatalogSet, 'verdicts'>): 'passed' | 'failed' | undefined =>
  foundOf(
    verdicts.map(({ kind, ok, inPart }) => ({
      kind,
      verdict: !ok ? 'failed' : inPart ? 'ok-in-part' : 'ok',
    })),
  );

/** Complete, no failure stands against it, and it is not dated in the future. `now`: milliseconds since 1970. */
export const isGood = (set: CatalogSet, now: number): boolean =>
  set.state === 'complete' && found(set) !== 'failed' && !isAhead(set.createdAt, now);

/** When a set was last verified or drilled with success; null when it never was, or a failure stands against it. */
export function verifiedAt(set: CatalogSet): string | null {
  return found(set) === 'passed' ? (set.verdicts.findLast(({ ok }) => ok)?.at ?? null) : null;
}

/** The last drill; where it had only some of the services, the failure of an earlier one stands all the same. */
export function lastDrillOf<T extends Pick<VerdictFacts, 'kind' | 'ok' | 'inPart'>>(
  verdicts: readonly T[],
): T | undefined {
  const drills = verdicts.filter(({ kind }) => kind === 'drill');
  const whole = drills.findLast(({ inPart }) => !inPart);
  return whole?.ok === false ? whole : drills.at(-1);
}
