import { CancellationScope } from '@temporalio/workflow';
import type { Neo4jPlan } from '../activities/neo4j.ts';
import type { ServiceSelection } from '../activities/restore.ts';
import { compareGraphRange } from '../model/graph-comparison.ts';
import { type GraphFacts, unpackedBytes } from '../model/manifest.ts';
import { compensate, inWindow, transfer } from './activity-options.ts';
import type { ProgressReport } from './progress.ts';

/** What a drill found of one service. */
export interface DrilledService {
  service: string;
  verdict: 'ok' | 'failed';
  /** Every way in which it is not what the manifest says. */
  differences: string[];
  /** What could not be compared, and why. */
  remarks: string[];
  /** Seconds from the beginning of its restore until the data could be asked for. */
  secondsToRestore: number;
  facts?: Record<string, GraphFacts>;
}

/** Restore a Neo4j service into a sandbox of its own image, and compare it with the manifest. */
export async function drillNeo4j(
  selection: Extract<ServiceSelection, { kind: 'neo4j' }>,
  plan: Neo4jPlan,
  options: { drill: string; repository: string; report: ProgressReport },
): Promise<DrilledService> {
  const { drill, repository, report } = options;
  const { service, artifacts, record } = selection;
  const began = Date.now();
  const databases = artifacts.map(({ name }) => name);
  const at = { set: drill, plan };
  try {
    report.service(service, 'fetching into the sandbox');
    await inWindow(`Make a sandbox for ${service}`).prepareStaging(at);
    await Promise.all(
      artifacts.map((artifact) =>
        transfer(`Fetch ${service}/${artifact.name}`, { attempts: 4 }).fetchDump({
          ...at,
          repository,
          artifact,
        }),
      ),
    );
    report.service(service, 'loading into the sandbox');
    for (const artifact of artifacts) {
      await transfer(`Load ${service}/${artifact.name}`, { attempts: 3 }).loadIntoSandbox({
        ...at,
        database: artifact.name,
        bytes: unpackedBytes(artifact),
      });
    }
    report.service(service, 'starting in the sandbox');
    const found = await transfer(`Start and count ${service}`, { attempts: 3 }).describeSandbox({
      ...at,
      databases,
    });
    const differences: string[] = [];
    const remarks: string[] = [];
    for (const database of databases.filter((name) => name !== 'system')) {
      const facts = found.facts[database];
      const before = record.facts?.[database];
      if (!facts) {
        if (before) differences.push(`${database} is not served`);
        else remarks.push(`${database}: it is not meant to be up, so it was not counted.`);
        continue;
      }
      if (!before) {
        remarks.push(`${database}: the set has no counts of it; what the drill counted is recorded.`);
        continue;
      }
      const after = record.factsAfter?.[database] ?? before;
      differences.push(...compareGraphRange(before, after, facts).map((text) => `${database}: ${text}`));
    }
    const verdict = differences.length === 0 ? 'ok' : 'failed';
    report.service(service, verdict);
    return {
      service,
      verdict,
      differences,
      remarks,
      secondsToRestore: (Date.parse(found.servingSince) - began) / 1000,
      facts: found.facts,
    };
  } finally {
    await CancellationScope.nonCancellable(async () => {
      await compensate(`Remove the sandbox of ${service}`).removeSandbox({ set: drill, service });
      await compensate(`Remove what ${service} staged`).removeStaging({ set: drill, service });
    });
  }
}
