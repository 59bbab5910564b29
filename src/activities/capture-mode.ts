import type { Container } from '../adapters/docker/container.ts';
import { backsUpOnline } from '../adapters/neo4j/online-backup.ts';
import { isLegacy, type Neo4jVersion } from '../adapters/neo4j/version.ts';
import { eachRead, listSets, type SetEntry, type VerdictMark } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import { servicesDrilled } from '../adapters/repository/set-marks.ts';
import type { Neo4jService } from '../config/config.ts';
import { type CaptureMode, chooseMode, type ModeEvidence } from '../model/capture-mode.ts';
import { LifeboatError } from '../model/failures.ts';
import { foundGood } from '../model/verdicts.ts';

/** So many of the newest sets are asked which modes have been proven. */
const EVIDENCE_SETS = 20;

/** And so many at most where an older one was drilled: a week of a set an hour. */
const MOST_EVIDENCE_SETS = 200;

/** How a backup takes the bytes of a service: as configured, or what its earlier sets have proven. */
export async function modeOf(
  service: Neo4jService,
  found: Pick<Container, 'running' | 'imageId' | 'env'>,
  version: Neo4jVersion,
  repository: Repository,
  signal: AbortSignal,
): Promise<{ mode: CaptureMode; reason: string }> {
  // Nobody waits for a service that is stopped anyway.
  if (!found.running) return { mode: 'dump', reason: 'it does not run' };
  const online = !isLegacy(version) && backsUpOnline(found);
  if (service.mode === 'online' && !online) throw notOffered(service.name, version);
  if (service.mode !== 'auto') return { mode: service.mode, reason: 'as configured' };
  const evidence: ModeEvidence[] = [];
  const listed = await listSets(repository, { signal });
  const drills = listed.findLastIndex(({ verdicts }) => verdicts.some(isGoodDrill)) + 1;
  const asked = listed.slice(0, Math.min(Math.max(EVIDENCE_SETS, drills), MOST_EVIDENCE_SETS));
  for await (const set of eachRead(repository, asked, signal)) {
    const record =
      'manifest' in set ? set.manifest.services.find(({ name }) => name === service.name) : undefined;
    if (record?.kind !== 'neo4j' || record.imageDigest !== found.imageId) continue;
    const drilled = await wasDrilled(repository, set, service.name, signal);
    evidence.push({ fallbacks: record.fallbacks ?? [], drilled });
    // What is older can change nothing any more.
    if (drilled) break;
  }
  return chooseMode(evidence, {
    copies: !isLegacy(version),
    snapshots: service.snapshot !== undefined,
    online,
  });
}

const isGoodDrill = ({ kind, verdict }: VerdictMark): boolean => kind === 'drill' && foundGood(verdict);

/** Whether a good drill had this service: one of a part of the set proves nothing of what it left out. */
async function wasDrilled(
  repository: Repository,
  { set, verdicts }: SetEntry,
  service: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const mark of verdicts.filter(isGoodDrill)) {
    if (mark.verdict === 'ok') return true;
    if ((await servicesDrilled(repository, set, mark, signal)).includes(service)) return true;
  }
  return false;
}

const notOffered = (service: string, version: Neo4jVersion): LifeboatError =>
  new LifeboatError(
    'Unsupported',
    `Service "${service}" is to be backed up in the mode "online", and its container (Neo4j ${version.text}) offers no such backup: that takes Neo4j Enterprise 5 or later (NEO4J_EDITION=enterprise) with server.backup.enabled. Choose another mode, or "auto".`,
  );
