import type { Container } from '../adapters/docker/container.ts';
import { backsUpOnline } from '../adapters/neo4j/online-backup.ts';
import { isLegacy, type Neo4jVersion } from '../adapters/neo4j/version.ts';
import { setsNewestFirst } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import type { Neo4jService } from '../config/config.ts';
import { type CaptureMode, chooseMode, type ModeEvidence } from '../model/capture-mode.ts';
import { LifeboatError } from '../model/failures.ts';
import { foundGood } from '../model/verdicts.ts';

/** So many of the newest sets are asked which modes have been proven. */
const EVIDENCE_SETS = 20;

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
  for await (const set of setsNewestFirst(repository, { limit: EVIDENCE_SETS, signal })) {
    const record =
      'manifest' in set ? set.manifest.services.find(({ name }) => name === service.name) : undefined;
    if (record?.kind !== 'neo4j' || record.imageDigest !== found.imageId) continue;
    const drilled = set.verdicts.some(({ kind, verdict }) => kind === 'drill' && foundGood(verdict));
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

const notOffered = (service: string, version: Neo4jVersion): LifeboatError =>
  new LifeboatError(
    'Unsupported',
    `Service "${service}" is to be backed up in the mode "online", and its container (Neo4j ${version.text}) offers no such backup: that takes Neo4j Enterprise 5 or later (NEO4J_EDITION=enterprise) with server.backup.enabled. Choose another mode, or "auto".`,
  );
