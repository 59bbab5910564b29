import { isLegacy, type Neo4jVersion } from '../adapters/neo4j/version.ts';
import { setsNewestFirst } from '../adapters/repository/catalog.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import type { Neo4jService } from '../config/config.ts';
import { type CaptureMode, chooseMode, type ModeEvidence } from '../model/capture-mode.ts';

/** So many of the newest sets are asked which modes have been proven. */
const EVIDENCE_SETS = 20;

/** How a backup takes the bytes of a service: as configured, or what its earlier sets have proven. */
export async function modeOf(
  service: Neo4jService,
  found: { running: boolean; imageDigest: string },
  version: Neo4jVersion,
  repository: Repository,
  signal: AbortSignal,
): Promise<{ mode: CaptureMode; reason: string }> {
  // Nobody waits for a service that is stopped anyway.
  if (!found.running) return { mode: 'dump', reason: 'it does not run' };
  if (service.mode !== 'auto') return { mode: service.mode, reason: 'as configured' };
  const evidence: ModeEvidence[] = [];
  for await (const set of setsNewestFirst(repository, { limit: EVIDENCE_SETS, signal })) {
    const record =
      'manifest' in set ? set.manifest.services.find(({ name }) => name === service.name) : undefined;
    if (record?.kind !== 'neo4j' || record.imageDigest !== found.imageDigest) continue;
    const drilled = set.verdicts.some(({ kind, verdict }) => kind === 'drill' && verdict === 'ok');
    evidence.push({ fallbacks: record.fallbacks ?? [], drilled });
    // What is older can change nothing any more.
    if (drilled) break;
  }
  return chooseMode(evidence, !isLegacy(version), service.snapshot !== undefined);
}
