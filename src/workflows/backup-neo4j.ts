import { CancellationScope } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { Artifact, Neo4jRecord } from '../model/manifest.ts';
import { catalog, compensate, transfer } from './activity-options.ts';
import { type CaptureOptions, captureNeo4j } from './capture-neo4j.ts';

/** What one service gave to a set. */
export interface ServiceBackup<R> {
  record: R;
  artifacts: Artifact[];
  /** It was captured after the window in which nobody could write, or that window ended before all was captured. */
  late?: boolean;
}

/** Back up one Neo4j service: capture its databases, then store the dumps while it serves again. */
export async function backupNeo4j(
  plan: Neo4jPlan,
  options: Omit<CaptureOptions, 'store'> & { repository: string },
): Promise<ServiceBackup<Neo4jRecord>> {
  const { set, repository, report } = options;
  const { service } = plan;
  const databases = Object.keys(plan.databases);
  const store = async (database: string) => {
    report.service(service, `storing in ${repository}`);
    const storing = transfer(`Store ${service}/${database} in ${repository}`);
    return await storing.storeDump({ set, plan, database, repository });
  };
  try {
    await catalog(`Make room for the dumps of ${service}`).prepareStaging({ set, plan });
    const captured = await captureNeo4j(plan, { ...options, store });
    const { section, mode, fallbacks, facts, late } = captured;
    const artifacts = captured.artifacts ?? (await Promise.all(databases.map(store)));
    report.service(service, 'stored');
    return {
      late,
      artifacts: artifacts.map((artifact) => ({ ...artifact, capturedAt: section.from })),
      record: {
        name: service,
        kind: 'neo4j',
        container: plan.container,
        image: plan.image,
        imageDigest: plan.imageDigest,
        version: plan.version,
        edition: plan.edition,
        databases,
        mode: section.wasRunning ? mode : 'left-stopped',
        offlineSeconds: section.offlineSeconds,
        ...(section.phases ? { phases: section.phases } : {}),
        ...(section.frozenSeconds > 0 ? { frozenSeconds: section.frozenSeconds } : {}),
        ...(fallbacks.length > 0 ? { fallbacks } : {}),
        window: { from: section.from, to: section.to },
        ...(facts.before ? { facts: facts.before } : {}),
        ...(facts.after ? { factsAfter: facts.after } : {}),
      },
    };
  } finally {
    await CancellationScope.nonCancellable(async () => {
      await compensate(`Remove what ${service} staged`).removeStaging({ set, service });
    });
  }
}
