import { CancellationScope } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { Artifact, Neo4jRecord } from '../model/manifest.ts';
import { catalog, compensate, probe, transfer } from './activity-options.ts';
import { inCriticalSection } from './exclusive.ts';
import type { ProgressReport } from './progress.ts';

/** What one service gave to a set. */
export interface Captured<R> {
  record: R;
  artifacts: Artifact[];
}

/** Back up one Neo4j service: describe, dump inside its window, store while it serves again. */
export async function backupNeo4j(
  plan: Neo4jPlan,
  options: {
    set: string;
    repository: string;
    hold: boolean;
    wait: boolean;
    report: ProgressReport;
    /** Called when its window is closed again. */
    onCaptured?: () => void;
  },
): Promise<Captured<Neo4jRecord>> {
  const { set, repository, report } = options;
  const { service } = plan;
  const databases = Object.keys(plan.databases);
  const describe = () => probe(`Count ${service}`).describeGraphs({ service, databases });
  try {
    await catalog(`Make room for the dumps of ${service}`).prepareStaging({ set, plan });
    const before = await describe();

    report.service(service, 'offline window');
    const section = await inCriticalSection(
      { set, plan, window: 'offline', work: { kind: 'dump' }, hold: options.hold },
      { wait: options.wait },
    );
    options.onCaptured?.();
    report.line(
      section.wasRunning
        ? `${service} was away for ${section.offlineSeconds.toFixed(1)} s.`
        : `${service} was stopped before, and was left so.`,
    );
    const after = await describe();

    report.service(service, `storing in ${repository}`);
    const artifacts = await Promise.all(
      databases.map((database) =>
        transfer(`Store ${service}/${database} in ${repository}`).storeDump({
          set,
          plan,
          database,
          repository,
        }),
      ),
    );
    report.service(service, 'stored');
    return {
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
        mode: section.wasRunning ? 'dump' : 'left-stopped',
        offlineSeconds: section.offlineSeconds,
        window: { from: section.from, to: section.to },
        ...(before ? { facts: before } : {}),
        ...(after ? { factsAfter: after } : {}),
      },
    };
  } finally {
    await CancellationScope.nonCancellable(async () => {
      await compensate(`Remove what ${service} staged`).removeStaging({ set, service });
    });
  }
}
