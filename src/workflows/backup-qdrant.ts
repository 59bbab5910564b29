import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { QdrantPlan, SnapshotReference } from '../activities/qdrant.ts';
import type { Artifact, CollectionRecord, QdrantRecord } from '../model/manifest.ts';
import { compensate, reading, transfer } from './activity-options.ts';
import type { ServiceBackup } from './backup-neo4j.ts';
import { causeOf } from './failure.ts';
import type { ProgressReport } from './progress.ts';

export interface QdrantBackup {
  set: string;
  repository: string;
  report: ProgressReport;
}

/** Collections that one run works on at the same time. */
const COLLECTIONS_AT_ONCE = 2;

/** A collection in the repository. */
interface StoredCollection {
  record: CollectionRecord;
  artifacts: Artifact[];
  /** It had to be taken again, later than the others. */
  late: boolean;
}

/** A collection with its snapshots, one a node. */
interface Taken {
  record: CollectionRecord;
  snapshots: SnapshotReference[];
}

/** Back up one Qdrant service: each collection described, taken, stored and its snapshots deleted from the server again. */
export async function backupQdrant(
  plan: QdrantPlan,
  options: QdrantBackup,
): Promise<ServiceBackup<QdrantRecord>> {
  const { service } = plan;
  options.report.service(service, 'taking snapshots');
  const stored = await eachOf(plan.collections, async (collection) => {
    const taken = await takeIfThere(plan, collection, options.report);
    return taken ? [await store(plan, taken, options)] : [];
  });
  return captured(plan, stored.flat(), options);
}

/** The same in two parts, for a set in which everything is taken while nobody can write: first all are taken. */
export async function takeAll(plan: QdrantPlan, report: ProgressReport): Promise<Taken[]> {
  report.service(plan.service, 'taking snapshots');
  const taken: Taken[] = [];
  try {
    await eachOf(plan.collections, async (collection) => {
      const one = await takeIfThere(plan, collection, report);
      if (one) taken.push(one);
    });
    return taken;
  } catch (error) {
    await remove(taken.flatMap(({ snapshots }) => snapshots));
    throw error;
  }
}

/** Then, when everybody works again, all are stored. */
export async function storeAll(
  plan: QdrantPlan,
  taken: Taken[],
  options: QdrantBackup,
): Promise<ServiceBackup<QdrantRecord>> {
  options.report.service(plan.service, `storing in ${options.repository}`);
  const waiting = new Set(taken);
  try {
    const stored = await eachOf(taken, async (one) => {
      waiting.delete(one);
      return await store(plan, one, options);
    });
    return captured(plan, stored, options);
  } finally {
    await remove([...waiting].flatMap(({ snapshots }) => snapshots));
  }
}

function captured(
  plan: QdrantPlan,
  stored: StoredCollection[],
  { report }: QdrantBackup,
): ServiceBackup<QdrantRecord> {
  const artifacts = stored.flatMap((one) => one.artifacts);
  const times = artifacts.map(({ capturedAt }) => capturedAt).sort();
  const [from, to] = [times[0], times.at(-1)];
  report.service(plan.service, 'stored');
  return {
    artifacts,
    late: stored.some(({ late }) => late),
    record: {
      name: plan.service,
      kind: 'qdrant',
      version: plan.version,
      nodes: plan.nodes,
      collections: stored.map(({ record }) => record).sort((a, b) => (a.name < b.name ? -1 : 1)),
      ...(from && to ? { window: { from, to } } : {}),
    },
  };
}

/** A collection that was meant by a pattern only, and is deleted while the backup runs, is left out. */
async function takeIfThere(
  plan: QdrantPlan,
  collection: QdrantPlan['collections'][number],
  report: ProgressReport,
): Promise<Taken | undefined> {
  try {
    return await take(plan, collection);
  } catch (error) {
    const { type, message } = causeOf(error);
    if (collection.named || isCancellation(error) || type !== 'CollectionNotFound') throw error;
    report.line(`${collection.name} was deleted meanwhile, and is left out: ${message}`);
    return undefined;
  }
}

/** Describe, take on every node that holds a part, and look again at what changed meanwhile. */
async function take(plan: QdrantPlan, { name, nodes }: QdrantPlan['collections'][number]): Promise<Taken> {
  const { service } = plan;
  const { record: described, known } = await reading(`Describe ${service}/${name}`).describeCollection({
    plan,
    collection: name,
  });
  const snapshots: SnapshotReference[] = [];
  try {
    for (const node of nodes) {
      const at = { service, node, collection: name, known: known[node] ?? [] };
      snapshots.push(await transfer(`Take a snapshot of ${service}/${name}`).takeSnapshot(at));
    }
    const record = await reading(`Look at ${service}/${name} again`).describeAgain({
      plan,
      record: described,
    });
    return { record, snapshots };
  } catch (error) {
    await remove(snapshots);
    throw error;
  }
}

async function store(
  plan: QdrantPlan,
  taken: Taken,
  { set, repository, report }: QdrantBackup,
): Promise<StoredCollection> {
  const { snapshots } = taken;
  let { record } = taken;
  let late = false;
  const artifacts: Artifact[] = [];
  const clustered = plan.nodes.length > 1;
  const ours = [...snapshots];
  try {
    for (const snapshot of snapshots) {
      const input = { set, repository, clustered };
      const summary = `Store ${plan.service}/${record.name} in ${repository}`;
      try {
        artifacts.push(await transfer(summary).storeSnapshot({ ...input, snapshot }));
      } catch (error) {
        const { type, message } = causeOf(error);
        if (!DAMAGED.has(type)) throw error;
        // Once: the damage may have been done on the way or while it was written, or another client, whose snapshot had the same name, took it away.
        report.line(
          `The snapshot of ${record.name} is ${type === 'SnapshotNotFound' ? 'gone' : 'damaged'}, and is taken again: ${message}`,
        );
        const { service, node, collection } = snapshot;
        // What was described before belongs to the snapshot that is lost: points have changed since.
        const now = await reading(`Describe ${service}/${collection}`).describeCollection({
          plan,
          collection,
        });
        const at = { service, node, collection, known: now.known[node] ?? [] };
        const again = await transfer(`Take ${collection} again`).takeSnapshot(at);
        ours.push(again);
        record = await reading(`Look at ${service}/${collection} again`).describeAgain({
          plan,
          record: now.record,
        });
        late = true;
        artifacts.push(await transfer(summary).storeSnapshot({ ...input, snapshot: again }));
      }
    }
    return { record, artifacts, late };
  } finally {
    await remove(ours);
  }
}

const DAMAGED: ReadonlySet<string> = new Set([
  'ChecksumMismatch',
  'ArtifactCorrupt',
  'SnapshotIncomplete',
  'SnapshotNotFound',
]);

/** Whatever happens, our snapshots do not stay on the server. */
async function remove(snapshots: SnapshotReference[]): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    for (const snapshot of snapshots) {
      await compensate(`Delete the snapshot of ${snapshot.collection} from its server`, {
        attempts: 100,
      }).deleteSnapshot({
        snapshot,
      });
    }
  });
}

/** A few at a time; after a failure no further one is begun. */
async function eachOf<T, R>(all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...all.entries()];
  const failures: unknown[] = [];
  const lane = async () => {
    while (failures.length === 0) {
      const next = left.shift();
      if (!next) return;
      try {
        results[next[0]] = await work(next[1]);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: COLLECTIONS_AT_ONCE }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
