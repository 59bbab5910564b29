import { activityInfo } from '@temporalio/activity';
import { clearDebt, type Debt, type KeptCollection, recordDebt } from '../adapters/docker/debt.ts';
import { hashPoints, largestPage, samplePoints } from '../adapters/qdrant/sample.ts';
import { walkSnapshot } from '../adapters/qdrant/snapshot-walker.ts';
import { takeSnapshot } from '../adapters/qdrant/take-snapshot.ts';
import { versionWarnings } from '../adapters/qdrant/version.ts';
import type { QdrantService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact, CollectionRecord } from '../model/manifest.ts';
import { word } from '../model/names.ts';
import { chooseCollections } from './choose-collections.ts';
import { nodesOf } from './collection-nodes.ts';
import { type Dependencies, qdrantNamed } from './dependencies.ts';
import { givenUp } from './given-up.ts';
import { step } from './step.ts';
import { storeInRepository } from './store.ts';
import { withQdrant } from './with-qdrant.ts';

/** What a backup of one Qdrant service will do; no secrets, and small. */
export interface QdrantPlan {
  kind: 'qdrant';
  service: string;
  version: string;
  /** Base URLs. */
  nodes: string[];
  /** Each collection, with the nodes that hold shards of it. */
  collections: {
    name: string;
    nodes: string[];
    /** The configuration names it, so that it must be there. */
    named?: boolean;
  }[];
  warnings: string[];
}

/** A collection before its snapshot. */
export interface DescribedCollection {
  record: CollectionRecord;
  /** By node: the snapshots that are there already. */
  known: Record<string, string[]>;
}

/** A snapshot on a server. */
export interface SnapshotReference {
  service: string;
  node: string;
  collection: string;
  name: string;
  bytes: number;
  /** sha256 by the server; null where it gives none. */
  checksum: string | null;
  /** ISO time just before it was asked for. */
  capturedAt: string;
}

/** Points of a sample, by how many collections share a manifest: it stays well below what one message may hold. */
const sampleSize = (collections: number): number => (collections <= 50 ? 32 : collections <= 200 ? 8 : 0);

/** Qdrant: plan, describe, take, store, delete. */
export function createQdrantActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Look at the server: which collections are meant, and on which nodes they are. */
    async planQdrant(input: { service: string }): Promise<QdrantPlan> {
      return await step('plan', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        return await withQdrant(service, service.urls[0] ?? '', async (qdrant) => {
          const version = await qdrant.version({ signal });
          const names = chooseCollections(service, await qdrant.collections({ signal }));
          const collections = [];
          for (const name of names) {
            const named = service.include.includes(name);
            const nodes = await nodesOf(service, name, signal).catch((error: unknown) => {
              // Deleted since it was listed.
              if (!named && isGone(error)) return [];
              throw error;
            });
            if (nodes.length > 0) collections.push({ name, nodes, ...(named ? { named } : {}) });
          }
          const warnings = versionWarnings(version);
          return {
            kind: 'qdrant',
            service: service.name,
            version,
            nodes: service.urls,
            collections,
            warnings,
          };
        });
      });
    },

    /** Exact points, configuration, payload indexes, aliases and a sample of points; and the snapshots that are not ours. */
    async describeCollection(input: { plan: QdrantPlan; collection: string }): Promise<DescribedCollection> {
      return await step('describe', async ({ signal }) => {
        const { plan, collection } = input;
        const service = qdrantNamed(deps.config(), plan.service);
        return await withQdrant(service, plan.nodes[0] ?? '', async (qdrant) => {
          const info = await qdrant.collectionInfo(collection, { signal });
          const aliases = await qdrant.aliases({ signal });
          const size = sampleSize(plan.collections.length);
          const page = largestPage(info.config);
          const record = {
            name: collection,
            points: await qdrant.countExact(collection, { signal }),
            config: info.config,
            payloadSchema: info.payload_schema,
            aliases: aliases.filter((one) => one.collection === collection).map(({ alias }) => alias),
            sample: size > 0 ? await samplePoints(qdrant, collection, { size, page, signal }) : [],
          };
          const nodes = plan.collections.find(({ name }) => name === collection)?.nodes ?? [];
          const known: DescribedCollection['known'] = {};
          for (const node of nodes) known[node] = await snapshotNames(service, node, collection, signal);
          return { record, known };
        });
      });
    },

    /** Look again after the snapshot: points that changed meanwhile leave the sample, and a changed count is told. */
    async describeAgain(input: { plan: QdrantPlan; record: CollectionRecord }): Promise<CollectionRecord> {
      return await step('describe', async ({ signal }) => {
        const { plan, record } = input;
        const service = qdrantNamed(deps.config(), plan.service);
        return await withQdrant(service, plan.nodes[0] ?? '', async (qdrant) => {
          const points = await qdrant.countExact(record.name, { signal });
          const before = record.sample ?? [];
          const now = await hashPoints(
            qdrant,
            record.name,
            before.map(({ id }) => id),
            { signal },
          );
          const same = new Set(now.map(({ id, sha256 }) => `${id} ${sha256}`));
          return {
            ...record,
            ...(points === record.points ? {} : { pointsAfter: points }),
            sample: before.filter(({ id, sha256 }) => same.has(`${id} ${sha256}`)),
          };
        });
      });
    },

    /** The snapshots that a node has of a collection: those are not ours. */
    async listSnapshots(input: { service: string; node: string; collection: string }): Promise<string[]> {
      return await step('list', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        return await snapshotNames(service, input.node, input.collection, signal);
      });
    },

    /** Take a snapshot; trying again makes no second one. */
    async takeSnapshot(input: {
      service: string;
      node: string;
      collection: string;
      known: string[];
      /** It is the only copy of what a restore replaces: no debt, but kept for whoever brings that back, also when the run is lost. */
      kept?: KeptCollection;
    }): Promise<SnapshotReference> {
      return await step('snapshot', async (context) => {
        const { node, collection, known } = input;
        const service = qdrantNamed(deps.config(), input.service);
        const capturedAt = new Date().toISOString();
        context.beat({ step: `taking a snapshot of ${collection}` });
        return await withQdrant(service, node, async (qdrant) => {
          const { snapshot, superseded } = await takeSnapshot(qdrant, {
            collection,
            known,
            retry: activityInfo().attempt > 1,
            signal: givenUp(context),
          });
          const reference: SnapshotReference = {
            service: service.name,
            node,
            collection,
            name: snapshot.name,
            bytes: snapshot.size,
            checksum: snapshot.checksum ?? null,
            capturedAt,
          };
          await recordDebt(engine, debtOf(reference, input.kept), context);
          for (const name of superseded) await qdrant.deleteSnapshot(collection, name);
          if (context.signal.aborted) {
            await qdrant.deleteSnapshot(collection, snapshot.name);
            await clearDebt(engine, debtOf(reference, input.kept));
            throw context.signal.reason;
          }
          return reference;
        });
      });
    },

    /** Download a snapshot into a repository: walked, and compared with the server's own checksum. */
    async storeSnapshot(input: {
      set: string;
      repository: string;
      snapshot: SnapshotReference;
      /** The service has more than one node, and a snapshot goes back to its own. */
      clustered: boolean;
    }): Promise<Artifact> {
      return await step('store', async (context) => {
        const { snapshot } = input;
        const service = qdrantNamed(deps.config(), snapshot.service);
        return await withQdrant(service, snapshot.node, async (qdrant) => {
          const { collection, name, bytes, capturedAt, checksum } = snapshot;
          const place = input.clustered
            ? `${word(collection)}@${service.urls.indexOf(snapshot.node)}`
            : word(collection);
          const artifact = await storeInRepository(deps, context, {
            repository: input.repository,
            set: input.set,
            service: service.name,
            kind: 'qdrant-snapshot',
            name: collection,
            ...(input.clustered ? { node: snapshot.node } : {}),
            file: `${place}.snapshot`,
            open: () => qdrant.downloadSnapshot(collection, name, { signal: context.signal }),
            source: `${snapshot.node} ${name}, ${bytes} bytes, ${checksum ?? 'no checksum'}, ${capturedAt}`,
            bytes,
            compression: 'zstd',
            capturedAt,
            serverChecksum: checksum,
            inspect: walkSnapshot,
          });
          if (snapshot.checksum && snapshot.checksum !== artifact.content.sha256) {
            await deps.repository(input.repository).delete(artifact.path);
            throw new LifeboatError(
              'ChecksumMismatch',
              `The snapshot of "${snapshot.collection}" arrived with sha256 ${artifact.content.sha256}, and the Qdrant server "${service.name}" gave ${snapshot.checksum} for it: it was damaged on the way or on the server's disk.`,
            );
          }
          return artifact;
        });
      });
    },

    /** Delete a snapshot of ours from its server. One that is gone already is no error. */
    async deleteSnapshot(input: { snapshot: SnapshotReference }): Promise<void> {
      await step('delete', async ({ signal }) => {
        const { snapshot } = input;
        const service = qdrantNamed(deps.config(), snapshot.service);
        await withQdrant(service, snapshot.node, async (qdrant) => {
          await qdrant.deleteSnapshot(snapshot.collection, snapshot.name, { signal });
        });
        await clearDebt(engine, debtOf(snapshot));
        await clearDebt(engine, { ...debtOf(snapshot), kind: 'qdrant-restore' });
      });
    },
  };

  async function snapshotNames(
    service: QdrantService,
    node: string,
    collection: string,
    signal: AbortSignal,
  ): Promise<string[]> {
    return await withQdrant(service, node, async (qdrant) => {
      const listed = await qdrant.listSnapshots(collection, { signal });
      return listed.map(({ name }) => name);
    });
  }
}

/** A collection that there is no more. */
const isGone = (error: unknown): boolean =>
  error instanceof LifeboatError && error.type === 'CollectionNotFound';

const debtOf = ({ service, node, collection, name }: SnapshotReference, kept?: KeptCollection): Debt => ({
  kind: kept ? 'qdrant-restore' : 'qdrant-snapshot',
  service,
  node,
  collection,
  name,
  ...(kept ? { kept } : {}),
});
