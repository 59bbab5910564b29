import { setTimeout } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.ts';
import { step } from '../../src/activities/step.ts';
import type { FailureType } from '../../src/model/failures.ts';

export type SimulatedActivities = Partial<Activities>;

/** How a simulated host behaves. Times in milliseconds. */
export interface Behaviour {
  /** The time of a step that moves data, such as a dump; others take a tenth of it. */
  stepMs: () => number;
  /** Before a step: throws, or waits, or does nothing. `signal` is aborted when the step is cancelled. */
  before?: (activity: string, signal: AbortSignal) => Promise<void> | void;
}

/** Thrown by a simulated step: a failure as the real one would have it. */
export const simulatedFailure = (type: FailureType, message: string, retry: boolean): ApplicationFailure =>
  ApplicationFailure.create({ type, message, nonRetryable: !retry });

const DUMP_BYTES = 50_000_000;
const DATABASES = { neo4j: 100_000_000, system: 1_000_000 };
const FACTS = {
  neo4j: {
    nodes: 1000,
    relationships: 2000,
    labels: { Note: 1000 },
    relationshipTypes: { LINKS: 2000 },
    indexes: [],
    constraints: [],
  },
};

/**
 * What the worker of a host does in a backup of one Neo4j with two databases, simulated: every step takes its time and answers what the
 * real one would. The workflows that call them are the real ones.
 */
export function simulatedHost(host: string, { stepMs, before }: Behaviour): SimulatedActivities {
  const takes = async <T>(activity: keyof Activities, share: number, answer: () => T): Promise<T> =>
    await step(activity, async ({ signal }) => {
      await before?.(activity, signal);
      await setTimeout(stepMs() * share, undefined, { signal });
      return answer();
    });
  const quick = <T>(activity: keyof Activities, answer: () => T) => takes(activity, 0.1, answer);
  const now = () => new Date().toISOString();
  return {
    planRun: () =>
      quick('planRun', () => ({
        services: [{ name: 'graph', kind: 'neo4j' as const }],
        repositories: ['local'],
        consistent: false,
        quiesce: false,
      })),
    planNeo4j: () =>
      quick('planNeo4j', () => ({
        kind: 'neo4j' as const,
        service: 'graph',
        containerId: host,
        container: `${host}-neo4j`,
        image: 'neo4j:5.26',
        imageDigest: `sha256:${'0'.repeat(64)}`,
        version: '5.26.0',
        edition: 'community',
        running: true,
        owner: { uid: 7474, gid: 7474 },
        data: '/data',
        databases: DATABASES,
        freeBytes: 1e12,
        capture: { mode: 'dump' as const, reason: 'simulated' },
      })),
    checkRepository: () => quick('checkRepository', () => undefined),
    prepareStaging: () => quick('prepareStaging', () => undefined),
    describeGraphs: () => quick('describeGraphs', () => FACTS),
    inspectService: () =>
      quick('inspectService', () => ({ containerId: host, container: `${host}-neo4j`, running: true })),
    openWindow: () => takes('openWindow', 0.5, () => ({ containerId: host, from: now(), clean: true })),
    dumpDatabase: () => takes('dumpDatabase', 1, () => ({ bytes: DUMP_BYTES })),
    closeWindow: () => takes('closeWindow', 1, () => ({ servingSince: now(), rolledBack: false })),
    storeDump: ({ set, database }) =>
      takes('storeDump', 1, () => ({
        service: 'graph',
        kind: 'neo4j-dump' as const,
        name: database,
        path: `sets/${set}/graph/${database}.dump.zst`,
        stored: { bytes: DUMP_BYTES, sha256: '0'.repeat(64) },
        content: { bytes: DUMP_BYTES, sha256: '0'.repeat(64) },
        compression: 'zstd' as const,
        encryption: 'none' as const,
        capturedAt: now(),
      })),
    removeStaging: () => quick('removeStaging', () => undefined),
    commitSet: ({ draft }) => quick('commitSet', () => ({ key: `manifests/${draft.set}.json` })),
    eventsFor: () => quick('eventsFor', () => []),
    ping: async () => 'simulated',
    hostStatus: async () => ({
      version: 'simulated',
      services: [{ service: 'graph', newest: now(), stale: false }],
      problems: [],
    }),
  };
}
