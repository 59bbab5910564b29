import {
  clearDebt,
  type Debt,
  type KeptCollection,
  listDebts,
  type RecordedDebt,
  recordDebt,
} from '../adapters/docker/debt.ts';
import { recoverSnapshot } from '../adapters/qdrant/recover-snapshot.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Dependencies, qdrantNamed } from './dependencies.ts';
import { givenUp } from './given-up.ts';
import { requireNoAlias } from './no-alias.ts';
import type { SnapshotReference } from './qdrant.ts';
import { step } from './step.ts';
import { withQdrant } from './with-qdrant.ts';

/** What a restore has kept of one collection, on one node. */
export interface KeptSnapshot extends KeptCollection {
  service: string;
  node: string;
  collection: string;
  /** The safety snapshot on the server; empty when the collection was not there, or not on this node, before, so that only its aliases can go back. */
  name: string;
}

/** What restores of Qdrant keep of a collection: its safety snapshot, and where the aliases pointed. */
export function createKeptCollectionActivities(deps: Dependencies) {
  const { engine } = deps;

  const keptOf = async (service: string): Promise<RecordedDebt[]> =>
    (await listDebts(engine)).filter((debt) => debt.kind === 'qdrant-restore' && debt.service === service);

  /** Its snapshot goes from the server, where there is one, and then its record. */
  const drop = async (kept: Debt, signal: AbortSignal): Promise<void> => {
    if (kept.name !== '') {
      await withQdrant(qdrantNamed(deps.config(), kept.service), kept.node, async (qdrant) => {
        await qdrant.deleteSnapshot(kept.collection, kept.name, { signal });
      });
    }
    await clearDebt(engine, kept);
  };

  return {
    /**
     * The way back: the collection as it was when its safety snapshot was taken. An upload replaces what is there, so the snapshot
     * goes up again under another name, which is written down before and deleted after.
     */
    async recoverFromSafety(input: {
      restore: string;
      safety: Pick<SnapshotReference, 'service' | 'node' | 'collection' | 'name'>;
    }): Promise<void> {
      await step('recover', async (context) => {
        const { service: name, node, collection, name: wanted } = input.safety;
        const { signal } = context;
        context.beat({ step: `bringing ${collection} back` });
        await withQdrant(qdrantNamed(deps.config(), name), node, async (qdrant) => {
          await requireNoAlias(qdrant, [collection], { signal });
          const listed = await qdrant.listSnapshots(collection, { signal });
          const snapshot = listed.find((one) => one.name === wanted);
          if (!snapshot) {
            throw new LifeboatError(
              'SnapshotNotFound',
              `The safety snapshot "${wanted}" of the collection "${collection}" is no longer on the Qdrant server "${qdrant.name}".`,
            );
          }
          const uploadName = `lifeboat-${input.restore}-back.snapshot`;
          const debt: Debt = { kind: 'qdrant-snapshot', service: name, node, collection, name: uploadName };
          await recordDebt(engine, debt, context);
          const leave = givenUp(context);
          await recoverSnapshot(qdrant, { collection, snapshot, uploadName, signal, leave });
          await clearDebt(engine, debt);
        });
      });
    },

    /** Keep a collection's way back for an undo: from now on its snapshot is no debt of a run. What was kept of it before goes. */
    async keepCollection(input: { kept: KeptSnapshot }): Promise<void> {
      await step('keep', async (context) => {
        const { service, node, collection, name, ...kept } = input.kept;
        const about = { service, node, collection, name };
        const { urls } = qdrantNamed(deps.config(), service);
        const isThis = (one: Debt) => one.node === node && one.name === name;
        // Shards may have been on other nodes then. One that is not configured any more is not asked: it may never answer.
        const older = (await keptOf(service)).filter(
          (one) =>
            one.collection === collection &&
            urls.includes(one.node) &&
            (one.kept?.restore !== kept.restore || (one.node === node && one.name !== name)),
        );
        // Where only aliases are kept, an older record has the name of this one, and would be taken for it.
        for (const one of older.filter(isThis)) await clearDebt(engine, one);
        await recordDebt(engine, { ...about, kind: 'qdrant-restore', kept }, context);
        if (name !== '') await clearDebt(engine, { ...about, kind: 'qdrant-snapshot' });
        for (const one of older) if (!isThis(one)) await drop(one, context.signal);
      });
    },

    /** What restores have kept of the collections of a service; that of the last restore first. */
    async listKeptSnapshots(input: { service: string }): Promise<KeptSnapshot[]> {
      return await step('list kept', async () => {
        const found = (await keptOf(input.service)).map(({ service, node, collection, name, kept }) => ({
          service,
          node,
          collection,
          name,
          ...(kept ?? { restore: '', set: '', at: '', aliases: [] }),
        }));
        return found.sort((a, b) => (a.restore < b.restore ? 1 : -1));
      });
    },

    /** Forget what was kept of a collection, and delete its snapshot. */
    async dropKept(input: { kept: KeptSnapshot }): Promise<void> {
      await step('delete', async ({ signal }) => {
        await drop({ ...input.kept, kind: 'qdrant-restore' }, signal);
      });
    },
  };
}
