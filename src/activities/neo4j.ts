import { type Container, findContainer } from '../adapters/docker/container.ts';
import type { Engine } from '../adapters/docker/engine.ts';
import { volumesInMemory } from '../adapters/docker/image.ts';
import { seekVolume } from '../adapters/docker/volume.ts';
import { type BoltAccess, servedFacts } from '../adapters/neo4j/bolt.ts';
import { type AdminContext, dumpDatabase, findDump } from '../adapters/neo4j/dump.ts';
import { walkDump } from '../adapters/neo4j/dump-walker.ts';
import { helperEnvironment } from '../adapters/neo4j/layout.ts';
import { type Neo4jProbe, probeNeo4j } from '../adapters/neo4j/probe.ts';
import { publishedBolt, requireReachable } from '../adapters/neo4j/serving.ts';
import { createStaging, removeStaging, type Staging } from '../adapters/neo4j/staging.ts';
import { KEPT } from '../adapters/neo4j/swap.ts';
import { parseVersion } from '../adapters/neo4j/version.ts';
import type { Neo4jService } from '../config/config.ts';
import type { CaptureMode } from '../model/capture-mode.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact, GraphFacts } from '../model/manifest.ts';
import { stagingName } from '../model/names.ts';
import { modeOf } from './capture-mode.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { type Step, step } from './step.ts';
import { storeInRepository } from './store.ts';

/** What a backup of one Neo4j service will do; no secrets, and small. */
export interface Neo4jPlan {
  kind: 'neo4j';
  service: string;
  containerId: string;
  container: string;
  image: string;
  imageDigest: string;
  version: string;
  edition: string;
  running: boolean;
  owner: { uid: number; gid: number };
  data: string;
  /** Bytes of store and transaction logs, by database. */
  databases: Record<string, number>;
  freeBytes: number;
  /** How a backup takes its bytes; only in the plan of a backup. */
  capture?: { mode: CaptureMode; reason: string };
}

/** One step on one service within one set. */
export interface ServiceStep {
  set: string;
  plan: Neo4jPlan;
}

/** Neo4j: plan, stage, dump, store. */
export function createNeo4jActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Look at the container, with nothing stopped, and fail early and clearly. */
    async planNeo4j(input: {
      service: string;
      /** For a backup: the repository whose sets tell which modes have been proven. */
      repository?: string;
    }): Promise<Neo4jPlan> {
      return await step('plan', async (context) => {
        const service = neo4jNamed(deps.config(), input.service);
        const container = await findContainer(engine, service.target);
        // With a password the counts fail just as early.
        if (input.repository !== undefined && !service.password) await requireReachable(service, container);
        const probe = await probeNeo4j(engine, service.name, container, context.runId, context);
        // Only a backup needs what the configuration names; an undo may be there to bring it back.
        if (input.repository === undefined) return neo4jPlanOf(service, container, probe, probe.databases);
        const plan = neo4jPlanOf(service, container, probe, chooseDatabases(service, probe.databases));
        if (Object.keys(plan.databases).length === 0) throw nothingThere(service, container);
        const repository = deps.repository(input.repository);
        const capture = await modeOf(service, container, probe.version, repository, context.signal);
        if (!probe.layout.logsElsewhere || capture.mode === 'online') return { ...plan, capture };
        const reason = 'its transaction logs are in a directory of their own';
        return { ...plan, capture: { mode: 'dump', reason } };
      });
    },

    /** Counts, indexes and constraints of the live databases; null where no credentials are configured or it is stopped. */
    async describeGraphs(input: {
      service: string;
      databases: string[];
    }): Promise<Record<string, GraphFacts> | null> {
      return await step('describe', async () => {
        const service = neo4jNamed(deps.config(), input.service);
        const access = await accessOf(engine, service);
        return access ? await servedFacts(access, input.databases) : null;
      });
    },

    /** Make the volume that takes the dumps. */
    async prepareStaging(input: ServiceStep & { role?: 'staging' | 'kept' }): Promise<void> {
      await step('stage', async (context) => {
        await stage(input, context);
      });
    },

    /** Dump one database of the stopped container into the staging volume. */
    async dumpDatabase(input: ServiceStep & { database: string }): Promise<{ bytes: number }> {
      return await step('dump', async (context) => {
        const container = await findContainer(engine, { container: input.plan.containerId });
        if (container.running) {
          throw new LifeboatError(
            'WindowLost',
            `The container "${container.name}" runs again in the middle of its backup: another program or the engine started it.`,
          );
        }
        const admin = await adminContextOf(engine, input, context);
        return await dumpDatabase(
          engine,
          admin,
          input.database,
          within(context, `dumping ${input.database}`),
        );
      });
    },

    /** Put one finished dump into a repository, read to its end as the archive that it is. */
    async storeDump(input: ServiceStep & { database: string; repository: string }): Promise<Artifact> {
      return await step('store', async (context) => {
        const dump = await findDump(engine, await stagingOf(engine, input), input.database);
        return await storeInRepository(deps, context, {
          repository: input.repository,
          set: input.set,
          service: input.plan.service,
          kind: 'neo4j-dump',
          name: input.database,
          file: `${input.database}.dump`,
          open: dump.open,
          source: `${dump.bytes} bytes, written ${dump.modifiedAt.toISOString()}`,
          bytes: dump.bytes,
          // neo4j-admin compresses its dumps itself.
          compression: 'none',
          inspect: walkDump,
        });
      });
    },

    /** Remove it, or only the way into a volume that may hold a safety copy. */
    async removeStaging(input: { set: string; service: string }): Promise<void> {
      await step('clean up', async () => {
        await removeStaging(engine, input.set, input.service);
      });
    },
  };

  async function stage({ set, plan, role }: ServiceStep & { role?: 'staging' | 'kept' }, context: Step) {
    return await createStaging(engine, {
      set,
      service: plan.service,
      workflowId: context.workflowId,
      runId: context.runId,
      imageId: plan.imageDigest,
      owner: plan.owner,
      directories: ['out', 'in', 'data', 'copy', 'report', KEPT],
      ...(role ? { role } : {}),
    });
  }
}

/** How a dump runs within a step: it ends with it, or is joined by its next attempt, and its percentage is what the step tells. */
export const within = (context: Step, step: string) => ({
  signal: context.signal,
  keep: context.keep,
  tick: (percent: number | undefined) =>
    context.beat({ step, ...(percent === undefined ? {} : { percent }) }),
});

/** A plan from what was found. */
export function neo4jPlanOf(
  service: Neo4jService,
  container: Container,
  probe: Neo4jProbe,
  databases: Record<string, number>,
): Neo4jPlan {
  return {
    kind: 'neo4j',
    service: service.name,
    containerId: container.id,
    container: container.name,
    image: container.image,
    imageDigest: container.imageId,
    version: probe.version.text,
    edition: container.env.NEO4J_EDITION ?? 'community',
    running: container.running,
    owner: probe.owner,
    data: probe.layout.data,
    databases,
    freeBytes: probe.freeBytes,
  };
}

/** How to ask a running service by Bolt; null where no credentials are configured, or it does not run. */
export async function accessOf(engine: Engine, service: Neo4jService): Promise<BoltAccess | null> {
  const container = await findContainer(engine, service.target);
  const address = service.bolt ?? publishedBolt(container);
  if (!service.username || !service.password || !address || !container.running) return null;
  return { address, username: service.username, password: service.password };
}

/** The staging that `prepareStaging` made for this run. */
export async function stagingOf(engine: Engine, { set, plan }: ServiceStep): Promise<Staging> {
  const name = stagingName(set, plan.service);
  const volume = await seekVolume(engine, name);
  if (!volume) {
    throw new LifeboatError(
      'StagingLost',
      `The volume ${name}, in which this run prepares what belongs to service "${plan.service}", is gone: somebody removed it. Start the run anew.`,
    );
  }
  return { volume: name, carrier: `${name}-carrier`, mountpoint: volume.mountpoint };
}

/** What a helper that runs neo4j-admin needs, looked up anew: a container's environment never passes through Temporal. */
export async function adminContextOf(
  engine: Engine,
  input: ServiceStep,
  context: Step,
): Promise<AdminContext> {
  const container = await findContainer(engine, { container: input.plan.containerId });
  return {
    service: input.plan.service,
    set: input.set,
    runId: context.runId,
    imageId: container.imageId,
    env: helperEnvironment(container),
    volumesOf: container.id,
    version: parseVersion(input.plan.version),
    owner: input.plan.owner,
    staging: await stagingOf(engine, input),
  };
}

/** The same for a helper or sandbox that sees nothing of the live service. */
export async function sandboxContextOf(
  engine: Engine,
  input: ServiceStep,
  context: Step,
): Promise<AdminContext> {
  const { volumesOf: _, ...admin } = await adminContextOf(engine, input, context);
  return { ...admin, tmpfs: await volumesInMemory(engine, admin.imageId, admin.owner) };
}

/** A set of nothing would be complete, and could not be restored. */
const nothingThere = (service: Neo4jService, container: Container): LifeboatError =>
  new LifeboatError(
    'DatabaseNotFound',
    `The data directory of service "${service.name}" (container "${container.name}") holds no database: it was emptied, or another volume is mounted there.`,
  );

/** The databases to back up: those configured, or all that the data directory holds. */
function chooseDatabases(service: Neo4jService, present: Record<string, number>): Record<string, number> {
  const wanted = service.databases ?? Object.keys(present);
  const missing = wanted.filter((name) => !(name in present));
  if (missing.length > 0) {
    throw new LifeboatError(
      'DatabaseNotFound',
      `Service "${service.name}" has no database ${missing.map((name) => `"${name}"`).join(', ')}; it has: ${Object.keys(present).join(', ') || 'none'}.`,
    );
  }
  return Object.fromEntries(wanted.map((name) => [name, present[name] ?? 0]));
}
