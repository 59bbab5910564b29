import { setTimeout as sleep } from 'node:timers/promises';
import { clearDebt, type Debt, recordDebt } from '../adapters/docker/debt.ts';
import { readWalked } from '../adapters/pipeline/read-walked.ts';
import { compareCollection, describeDifference, isOfData } from '../adapters/qdrant/compare-collection.ts';
import { hasCustomSharding } from '../adapters/qdrant/custom-sharding.ts';
import type { Qdrant } from '../adapters/qdrant/qdrant.ts';
import { untilNothingIsRecovered } from '../adapters/qdrant/recovery-end.ts';
import { changedPoints, hashPoints } from '../adapters/qdrant/sample.ts';
import { restoreRefusal } from '../adapters/qdrant/version.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact, CollectionRecord } from '../model/manifest.ts';
import { holdersOf } from './collection-nodes.ts';
import { type Dependencies, qdrantNamed } from './dependencies.ts';
import { givenUp } from './given-up.ts';
import { requireNoAlias } from './no-alias.ts';
import { renamed, type ServiceSelection } from './restore.ts';
import { step } from './step.ts';
import { withQdrant } from './with-qdrant.ts';

/** One collection on its way back. */
export interface CollectionRestore {
  service: string;
  /** As the manifest knows it. */
  from: string;
  /** The collection that is written; the same unless another name was asked for. */
  to: string;
  record: CollectionRecord;
  /** One, or one a node of a cluster. */
  parts: { artifact: Artifact; node: string }[];
  /** Whether the collection is there now, so that a safety snapshot can be taken. */
  exists: boolean;
  /** The nodes that hold shards of it now; none when it is not there. */
  holders?: string[];
}

/** Restore of Qdrant: plan, upload, compare. */
export function createQdrantRestoreActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Compare what is chosen with the server that it is to go into, with nothing changed. */
    async planQdrantRestore(input: {
      selection: Extract<ServiceSelection, { kind: 'qdrant' }>;
      into: Record<string, string>;
    }): Promise<CollectionRestore[]> {
      return await step('plan', async ({ signal }) => {
        const { selection, into } = input;
        const service = qdrantNamed(deps.config(), selection.service);
        return await withQdrant(service, service.urls[0] ?? '', async (qdrant) => {
          const refusal = restoreRefusal(selection.record.version, await qdrant.version({ signal }));
          if (refusal) throw new LifeboatError('VersionMismatch', refusal);
          const names = selection.artifacts.map(({ name }) => renamed(name, into));
          await requireNoAlias(qdrant, names, { signal });
          const restores: CollectionRestore[] = [];
          for (const [from, artifacts] of Map.groupBy(selection.artifacts, ({ name }) => name)) {
            const record = selection.record.collections.find(({ name }) => name === from);
            if (!record)
              throw new LifeboatError(
                'ManifestInvalid',
                `The manifest has a snapshot of "${from}", and does not describe it.`,
              );
            const to = renamed(from, into);
            const exists = await qdrant.exists(to, { signal });
            restores.push({
              service: service.name,
              from,
              to,
              record,
              parts: artifacts.map((artifact) => ({
                artifact,
                node: nodeFor(artifact, selection.record.nodes, service.urls, artifacts.length === 1),
              })),
              exists,
              holders: exists ? await holdersOf(service, to, signal) : [],
            });
          }
          return restores;
        });
      });
    },

    /** Upload one snapshot under a name of its own, and take the file away again from the server. */
    async uploadArtifact(input: {
      restore: string;
      repository: string;
      collection: CollectionRestore;
      part: number;
    }): Promise<void> {
      await step('upload', async (context) => {
        const { collection, restore } = input;
        const part = collection.parts[input.part];
        if (!part) throw new Error(`There is no part ${input.part} of ${collection.from}.`);
        const service = qdrantNamed(deps.config(), collection.service);
        context.beat({ step: `waiting until nothing is recovered into ${collection.to}` });
        await withQdrant(service, part.node, async (qdrant) => {
          await requireNoAlias(qdrant, [collection.to], { signal: context.signal });
          await untilNothingIsRecovered(qdrant, collection.to, { signal: context.signal });
        });
        context.beat({ step: 'upload' });
        const { encryption } = deps.config();
        const source = await readWalked({
          repository: deps.repository(input.repository),
          artifact: part.artifact,
          identities: encryption?.identities ?? [],
          ...(encryption?.passphrase ? { passphrase: encryption.passphrase } : {}),
          signal: context.signal,
        });
        const debt: Debt = {
          kind: 'qdrant-snapshot',
          service: collection.service,
          node: part.node,
          collection: collection.to,
          name: `lifeboat-${restore}-${input.part}.snapshot`,
        };
        await recordDebt(engine, debt, context);
        await withQdrant(service, part.node, async (qdrant) => {
          const takeAway = async () => {
            await qdrant.deleteSnapshot(collection.to, debt.name);
            await clearDebt(engine, debt);
          };
          try {
            await qdrant.uploadSnapshot(collection.to, {
              fileName: debt.name,
              source,
              bytes: part.artifact.content.bytes,
              checksum: part.artifact.content.sha256,
              priority: 'snapshot',
              signal: context.signal,
              leave: givenUp(context),
              onProgress: (bytes) =>
                context.beat({
                  step: `uploading ${collection.from}`,
                  bytes,
                  total: part.artifact.content.bytes,
                }),
            });
          } catch (error) {
            // The server may have kept a part of it. What can't be taken away now stays written down as a debt.
            await takeAway().catch(() => undefined);
            throw error;
          }
          await takeAway();
          context.signal.throwIfAborted();
        });
      });
    },

    /** Whether a collection is there: asked under the lock, since somebody may have made it after the plan. */
    async collectionExists(input: { service: string; collection: string }): Promise<boolean> {
      return await step('look', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        return await withQdrant(
          service,
          service.urls[0] ?? '',
          async (qdrant) => await qdrant.exists(input.collection, { signal }),
        );
      });
    },

    /** How what is served now differs from the manifest; empty when it agrees. */
    async compareCollection(input: { collection: CollectionRestore }): Promise<string[]> {
      return await step('compare', async ({ signal }) => {
        const { service: name, to, record, exists } = input.collection;
        const service = qdrantNamed(deps.config(), name);
        return await withQdrant(
          service,
          service.urls[0] ?? '',
          async (qdrant) => await differencesOf(qdrant, to, { record, existed: exists }, signal),
        );
      });
    },
  };
}

/** Between the two counts of a collection whose number of points is not what was expected (milliseconds). */
const SECOND_COUNT_MS = 2000;

/**
 * Where points were written around the snapshot, their number may be anything between the two counts. Where a client writes already, the
 * number says nothing; the sample and the configuration still do.
 */
async function differencesOf(
  qdrant: Qdrant,
  collection: string,
  { record, existed }: { record: CollectionRecord; existed: boolean },
  signal: AbortSignal,
): Promise<string[]> {
  const info = await qdrant.collectionInfo(collection, { signal });
  const points = await qdrant.countExact(collection, { signal });
  const [low, high] = [record.points, record.pointsAfter ?? record.points].sort((a, b) => a - b) as [
    number,
    number,
  ];
  const fits = (points >= low && points <= high) || (await isChanging());
  const live = { points, config: info.config, payloadSchema: info.payload_schema };
  const all = compareCollection({ ...record, points: fits ? points : record.points }, live);
  // A collection that was there keeps its own configuration and gets the data.
  const differences = (existed ? all.filter(isOfData) : all).map(describeDifference);
  if (!existed && !fits && points < low && hasCustomSharding(record.config))
    differences.unshift(KEYS_MISSING);
  const sample = record.sample ?? [];
  const now = await hashPoints(
    qdrant,
    collection,
    sample.map(({ id }) => id),
    { signal },
  );
  const changed = changedPoints(sample, now);
  if (changed.length > 0)
    differences.push(`points that are missing or different: ${changed.slice(0, 10).join(', ')}`);
  return differences;

  async function isChanging(): Promise<boolean> {
    await sleep(SECOND_COUNT_MS, undefined, { signal });
    return (await qdrant.countExact(collection, { signal })) !== points;
  }
}

/** Qdrant #10135: a collection that a snapshot makes gets none of its shard keys, and what is in their shards is left out. */
const KEYS_MISSING =
  'it has custom sharding, and the server did not make its shard keys: make the collection with the keys that shard_key_mapping.json in its snapshot names, in the order of their shards, and restore into it';

/** A snapshot of a node goes back to that node; where the nodes have other addresses now, to the one in the same place. */
function nodeFor(artifact: Artifact, before: string[], urls: string[], only: boolean): string {
  if (artifact.node === undefined) return urls[0] ?? '';
  if (urls.includes(artifact.node)) return artifact.node;
  const inThePlace = before.length === urls.length ? urls[before.indexOf(artifact.node)] : undefined;
  if (inThePlace !== undefined) return inThePlace;
  // It holds all of its collection, which any node can take.
  if (only) return urls[0] ?? '';
  throw new LifeboatError(
    'InvalidConfiguration',
    `The snapshot of "${artifact.name}" was taken from the node ${artifact.node}, one of ${before.length}, and the service has ${urls.join(', ')}: configure as many nodes.`,
  );
}
