import { posix } from 'node:path';
import { findContainer } from '../adapters/docker/container.ts';
import { clearDebt, type Debt, listDebts, recordDebt } from '../adapters/docker/debt.ts';
import { storeLayout } from '../adapters/neo4j/layout.ts';
import { copyStore, SNAPSHOT_SOURCE, type StoreCopied } from '../adapters/neo4j/store-copy.ts';
import type { SnapshotSubject } from '../adapters/snapshot/snapshot-commands.ts';
import {
  flush,
  openSnapshot,
  removeSnapshot,
  requireSource,
  takeSnapshot,
} from '../adapters/snapshot/store-snapshot.ts';
import type { SnapshotConfig } from '../config/snapshot.ts';
import { LifeboatError } from '../model/failures.ts';
import { word } from '../model/names.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { checkpoint, letGoOn, type Release, requireWindow, sameWindow } from './held-window.ts';
import { type ServiceStep, sandboxContextOf } from './neo4j.ts';
import { step } from './step.ts';

/** Stores as a snapshot of their file system has them: taken in the moment of a window, copied afterwards, and removed. */
export function createNeo4jSnapshotActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** See that a snapshot can be taken here, and have everything written that can be before the window. */
    async standByToSnapshot(input: ServiceStep): Promise<void> {
      await step('stand by', async (context) => {
        const subject = await subjectOf(input);
        await requireSource(snapshotOf(deps, input.plan.service), subject);
        await checkpoint(deps, input, context);
        await flush(subject, context.signal);
      });
    },

    /** Take the snapshot within its window. It is written down before, so that the watchdog can remove it after any death. */
    async takeStoreSnapshot(
      input: ServiceStep & {
        window: 'offline' | 'freeze';
        /** Let the container go on as soon as there is one; closing the window still sees that it serves. */
        release: boolean;
      },
    ): Promise<{ release?: Release }> {
      return await step('snapshot', async (context) => {
        context.beat({ step: 'taking a snapshot' });
        const began = await requireWindow(engine, input);
        const subject = await subjectOf(input);
        await recordDebt(engine, debtOf(input.plan.service, subject), context);
        await takeSnapshot(snapshotOf(deps, input.plan.service), subject, context.signal);
        const ended = await sameWindow(engine, input, began);
        return input.release ? { release: await letGoOn(engine, ended) } : {};
      });
    },

    /** Copy the store out of the snapshot, while the service is up again. */
    async copySnapshot(input: ServiceStep): Promise<StoreCopied> {
      return await step('copy', async (context) => {
        const { plan } = input;
        context.beat({ step: 'copying the snapshot' });
        const from = await openSnapshot(
          snapshotOf(deps, plan.service),
          await subjectOf(input),
          context.signal,
        );
        const databases = Object.keys(plan.databases);
        return await copyStore(
          engine,
          await sandboxContextOf(engine, input, context),
          { data: SNAPSHOT_SOURCE, from, databases, early: false, logs: 'all' },
          context,
        );
      });
    },

    /** Remove it; one that is not there is no error. */
    async removeStoreSnapshot(input: { set: string; service: string }): Promise<void> {
      await step('clean up', async () => {
        const id = snapshotId(input);
        for (const debt of await listDebts(engine)) {
          if (debt.kind !== 'store-snapshot' || debt.service !== input.service || debt.name !== id) continue;
          await payStoreSnapshot(deps, debt);
        }
      });
    },
  };

  async function subjectOf({ set, plan }: ServiceStep): Promise<SnapshotSubject> {
    const container = await findContainer(engine, { container: plan.containerId });
    const { data, mount } = storeLayout(container);
    const source = posix.join(mount.source, posix.relative(mount.destination, data));
    return { id: snapshotId({ set, service: plan.service }), source };
  }
}

/**
 * Remove a snapshot that was written down, and the note of it.
 * @throws {LifeboatError} `SnapshotFailed` when it is still there, or nobody knows any more how it is removed.
 */
export async function payStoreSnapshot(deps: Dependencies, debt: Debt): Promise<void> {
  const service = deps.config().services.find(({ name }) => name === debt.service);
  if (service?.kind !== 'neo4j' || !service.snapshot) {
    throw new LifeboatError(
      'SnapshotFailed',
      `The snapshot ${debt.name} of ${debt.node} is left, and the configuration does not say any more how snapshots of service "${debt.service}" are removed: put its "snapshot" section back.`,
    );
  }
  await removeSnapshot(service.snapshot, { id: debt.name, source: debt.node });
  await clearDebt(deps.engine, debt);
}

/** The name of the snapshot of one service in one run. */
export const snapshotId = ({ set, service }: { set: string; service: string }): string =>
  `lifeboat-${word(set)}-${word(service)}`;

const debtOf = (service: string, { id, source }: SnapshotSubject): Debt => ({
  kind: 'store-snapshot',
  service,
  node: source,
  collection: '',
  name: id,
});

function snapshotOf(deps: Dependencies, name: string): SnapshotConfig {
  const { snapshot } = neo4jNamed(deps.config(), name);
  if (snapshot) return snapshot;
  throw new LifeboatError(
    'InvalidConfiguration',
    `Service "${name}" has no "snapshot" section any more, which says how one is taken.`,
  );
}
