import { WorkflowNotFoundError } from '@temporalio/client';
import { ownerOf } from '../adapters/docker/archive.ts';
import { findContainer } from '../adapters/docker/container.ts';
import { clearDebt, type Debt, listDebts } from '../adapters/docker/debt.ts';
import { asking, installationLabel } from '../adapters/docker/engine.ts';
import { removeContainer } from '../adapters/docker/helper.ts';
import { listInterruptions } from '../adapters/docker/interruption.ts';
import { listVolumes, removeVolume } from '../adapters/docker/volume.ts';
import { storeLayout } from '../adapters/neo4j/layout.ts';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { criticalSectionId, LABELS } from '../model/names.ts';
import { restorePlace } from '../model/restore-place.ts';
import type { Dependencies } from './dependencies.ts';
import { tidyPlace } from './kept-stores.ts';
import { type Reclaimed, reclaim } from './reclaim.ts';
import { abandonUpload } from './resumable-upload.ts';
import { payStoreSnapshot, snapshotId } from './snapshot-neo4j.ts';
import { type Step, step } from './step.ts';
import { withQdrant } from './with-qdrant.ts';

/** A container that Lifeboat stopped or paused, and whose run is over. */
export interface Abandoned {
  volume: string;
  service: string;
  container: string;
  action: 'stop' | 'pause';
  since: string;
}

/** The watchdog: nothing that Lifeboat stopped stays down, and nothing of a dead run stays behind. */
export function createWatchdogActivities(deps: Dependencies) {
  const { engine, client } = deps;
  /** Volumes with kept copies, of runs that are over, that were tidied by this worker already. */
  const settled = new Set<string>();

  /** Whether the run that made something is still going on. What Temporal does not know of is over: it may have lost its database. */
  const isOpen = async (workflowId: string, runId?: string): Promise<boolean> => {
    try {
      const { status } = await client.workflow.getHandle(workflowId, runId).describe();
      return status.name === 'RUNNING';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  };

  return {
    /** Records of stops and pauses whose run is over. */
    async findAbandoned(): Promise<Abandoned[]> {
      return await step('look', async () => {
        const abandoned: Abandoned[] = [];
        for (const record of await listInterruptions(engine)) {
          if (await isOpen(record.workflowId, record.runId)) continue;
          abandoned.push({
            volume: record.volume,
            service: record.service,
            container: record.containerName,
            action: record.action,
            since: record.at.toISOString(),
          });
        }
        return abandoned;
      });
    },

    /** Start or resume what one record tells of, unless a person has taken over since. */
    async reclaim(input: { volume: string }): Promise<Reclaimed> {
      return await step('reclaim', async (context) => {
        const record = (await listInterruptions(engine)).find(({ volume }) => volume === input.volume);
        if (!record) return 'was up already';
        const outcome = await reclaim(deps, record, context);
        if (outcome === 'started') deps.metrics?.watchdogStarted(record.service);
        return outcome;
      });
    },

    /** Remove containers and volumes of runs that are over, and what dead restores prepared; answers what was removed. */
    async sweep(): Promise<string[]> {
      return await step('sweep', async (context) => {
        const removed: string[] = [];
        const problems: string[] = [];
        const attempt = async (name: string, call: () => Promise<void>) => {
          try {
            await call();
            removed.push(name);
          } catch (error) {
            // A service's own container is away for a moment while it is made anew; a later look finds it.
            if (error instanceof LifeboatError && error.type === 'ContainerNotFound') return;
            problems.push(messageOf(error));
          }
        };
        const own = Object.entries(installationLabel(engine)).map(([key, value]) => `${key}=${value}`);
        const containers = await asking("list Lifeboat's containers", () =>
          engine.listContainers({
            all: true,
            filters: JSON.stringify({ label: [LABELS.role, ...own] }),
          }),
        );
        const over = async (labels: Record<string, string>) => {
          const run = labels[LABELS.run];
          // A helper carries the run alone: it belongs to an activity of that run, whatever workflow it is.
          if (run === undefined || (await isOpenRun(labels[LABELS.workflow], run))) return false;
          // A run that was reset goes on as another one of the same workflow, with the staging that the first had made.
          const staged = labels[LABELS.role] === 'staging' || labels[LABELS.role] === 'kept';
          const workflow = staged ? labels[LABELS.workflow] : undefined;
          if (workflow === undefined) return true;
          // The critical section of a run that was ended outlives it for a moment, and settles what it has begun.
          const section = criticalSectionId(labels[LABELS.service] ?? '', context.taskQueue);
          return !(await isOpen(workflow)) && !(await isOpen(section));
        };
        for (const { Id, Names, Labels } of containers) {
          const role = Labels[LABELS.role];
          if (role !== 'helper' && role !== 'sandbox' && role !== 'staging') continue;
          if (await over(Labels)) await attempt(Names[0]?.slice(1) ?? Id, () => removeContainer(engine, Id));
        }
        // Before the staging, which every one of them had first.
        const debts = await listDebts(engine);
        /** The critical section has taken a snapshot, and is over; the run that has the staging still copies out of it. */
        const copied = new Set<string>();
        for (const { name, labels } of await listVolumes(engine, { [LABELS.role]: 'staging' })) {
          if (!(await over(labels))) {
            copied.add(snapshotId({ set: labels[LABELS.set] ?? '', service: labels[LABELS.service] ?? '' }));
            continue;
          }
          // The only trace of what was prepared beside the stores: it goes when that has gone.
          await attempt(name, async () => {
            await tidyRestore(labels, context);
            await removeVolume(engine, name);
          });
        }
        for (const { name, labels } of await listVolumes(engine, { [LABELS.role]: 'kept' })) {
          if (settled.has(name) || !(await over(labels))) continue;
          await tidyRestore(labels, context, name).then(
            () => settled.add(name),
            (error: unknown) => problems.push(messageOf(error)),
          );
        }
        for (const { name, labels } of await listVolumes(engine, { [LABELS.role]: 'chain' })) {
          if (await isWanted(labels[LABELS.service] ?? '', context)) continue;
          await attempt(name, () => removeVolume(engine, name));
        }
        for (const debt of debts) {
          if (debt.kind === 'qdrant-restore' || (await isOpen(debt.workflowId, debt.runId))) continue;
          if (debt.kind === 'store-snapshot' && copied.has(debt.name)) continue;
          // Its recovery, which goes on without the run, would make it again; a later look finds it.
          if (debt.kind === 'qdrant-collection' && (await isRecovered(debt))) continue;
          await attempt(`${debt.kind} ${debt.name || debt.collection}`, () => payDebt(debt));
        }
        await deps.uploads?.sweep(
          async ({ workflowId, runId }) => !(await isOpen(workflowId, runId)),
          async (note) => await abandonUpload(deps, note, context.signal),
        );
        if (problems.length > 0) {
          throw new LifeboatError(
            'HelperFailed',
            `Not everything of dead runs could be removed: ${problems.join(' ')}`,
          );
        }
        return removed;
      });
    },
  };

  /** Whether a service keeps its own backups between runs, or a run is still at them. */
  async function isWanted(name: string, { taskQueue }: Step): Promise<boolean> {
    const service = deps.config().services.find((one) => one.name === name);
    if (service?.kind === 'neo4j' && service.differentials) return true;
    return await isOpen(criticalSectionId(name, taskQueue));
  }

  async function isOpenRun(workflowId: string | undefined, runId: string): Promise<boolean> {
    if (workflowId) return await isOpen(workflowId, runId);
    for await (const _ of client.workflow.list({
      query: `RunId = "${runId}" AND ExecutionStatus = "Running"`,
    }))
      return true;
    return false;
  }

  /** Whether a server still recovers a snapshot into a collection, as far as one can be asked. */
  async function isRecovered({ service: name, collection }: Debt): Promise<boolean> {
    const service = deps.config().services.find((one) => one.name === name);
    if (service?.kind !== 'qdrant') return false;
    for (const url of service.urls) {
      const asked = withQdrant(service, url, (qdrant) => qdrant.recoveriesRunning(collection));
      const running = await asked.catch(() => null);
      if ((running ?? 0) > 0) return true;
    }
    return false;
  }

  /** What a dead run left on a Qdrant server or a file system, by the name that it wrote down. */
  async function payDebt(debt: Debt): Promise<void> {
    if (debt.kind === 'store-snapshot') return await payStoreSnapshot(deps, debt);
    const service = deps.config().services.find((one) => one.name === debt.service);
    if (service?.kind === 'qdrant') {
      await withQdrant(service, debt.node, async (qdrant) => {
        if (debt.kind === 'qdrant-snapshot') await qdrant.deleteSnapshot(debt.collection, debt.name);
        else await qdrant.deleteCollection(debt.collection);
      });
    }
    await clearDebt(engine, debt);
  }

  /** New stores that a dead restore prepared, on the service's volume or on one of its own; what it keeps stays. */
  async function tidyRestore(labels: Record<string, string>, context: Step, volume?: string): Promise<void> {
    const { [LABELS.service]: name = '', [LABELS.set]: restore = '' } = labels;
    const service = deps.config().services.find((one) => one.name === name);
    if (service?.kind !== 'neo4j') return;
    const container = await findContainer(engine, service.target);
    const { data } = storeLayout(container);
    const owner = await ownerOf(engine, container.id, `${data}/databases`);
    const place = restorePlace(restore, { data, owner }, volume);
    await tidyPlace(deps, { plan: { service: name }, place }, context);
  }
}
