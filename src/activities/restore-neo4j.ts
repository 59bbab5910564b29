import { findContainer } from '../adapters/docker/container.ts';
import { checkLoaded, fetchDump, loadDump } from '../adapters/neo4j/load.ts';
import { probeNeo4j } from '../adapters/neo4j/probe.ts';
import { publishedBolt } from '../adapters/neo4j/serving.ts';
import { compareVersions, parseVersion } from '../adapters/neo4j/version.ts';
import { readWalked } from '../adapters/pipeline/read-walked.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Artifact, unpackedBytes } from '../model/manifest.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import { compareServed, type ExpectedGraphs } from './compare-served.ts';
import type { Dependencies } from './dependencies.ts';
import { neo4jNamed } from './dependencies.ts';
import type { KeptRecord } from './kept-stores.ts';
import { adminContextOf, type Neo4jPlan, neo4jPlanOf, type ServiceStep, stagingOf } from './neo4j.ts';
import type { ServiceSelection } from './restore.ts';
import { step } from './step.ts';
import { swapStep } from './swap-step.ts';

/** Restore of Neo4j: load beside the running database, swap, compare, keep. */
export function createNeo4jRestoreActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Compare a set with the container that it is to go into, with nothing changed. */
    async planNeo4jRestore(input: {
      selection: Extract<ServiceSelection, { kind: 'neo4j' }>;
      stage: 'volume' | 'elsewhere';
    }): Promise<{ target: Neo4jPlan; warnings: string[] }> {
      return await step('plan', async (context) => {
        const service = neo4jNamed(deps.config(), input.selection.service);
        const container = await findContainer(engine, service.target);
        const probed = await probeNeo4j(engine, service.name, container, context.runId, context);
        const { logsElsewhere } = probed.layout;
        if (logsElsewhere) {
          throw new LifeboatError(
            'Unsupported',
            `Service "${service.name}" keeps its transaction logs in ${logsElsewhere}, outside of its data directory, where a restore can not swap them together with the stores: restore into a container without that setting.`,
          );
        }
        const target = neo4jPlanOf(service, container, probed, probed.databases);
        const warnings = requireVersion(input.selection.record.version, target.version, service.name);
        requireRoomFor(input.selection.artifacts, target, input.stage);
        warnings.push(...unknownThere(input.selection.artifacts, target));
        return { target, warnings };
      });
    },

    /** Bring one dump out of the repository, decrypted and with its checksums verified, to where neo4j-admin can read it. */
    async fetchDump(input: ServiceStep & { repository: string; artifact: Artifact }): Promise<void> {
      await step('fetch', async (context) => {
        const { artifact } = input;
        const { encryption } = deps.config();
        const source = await readWalked(
          {
            repository: deps.repository(input.repository),
            artifact,
            identities: encryption?.identities ?? [],
            ...(encryption?.passphrase ? { passphrase: encryption.passphrase } : {}),
            signal: context.signal,
          },
          // What unpacks to more would fill the volume of a database that is up.
          input.plan.freeBytes,
        );
        let bytes = 0;
        source.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          context.beat({ step: `fetching ${artifact.name}`, bytes, total: artifact.content.bytes });
        });
        source.pause();
        await fetchDump(engine, await stagingOf(engine, input), artifact.name, source, {
          bytes: artifact.content.bytes,
          owner: input.plan.owner,
          signal: context.signal,
        });
      });
    },

    /** Load it into the new stores, beside the running database. */
    async loadDump(
      input: ServiceStep & { place: RestorePlace; database: string; bytes?: number },
    ): Promise<void> {
      await step('load', async (context) => {
        context.beat({ step: `loading ${input.database}` });
        await loadDump(engine, await adminContextOf(engine, input, context), input.place, input.database, {
          ...context,
          bytes: input.bytes,
        });
      });
    },

    /** Check the consistency of the new store, before anything is stopped. */
    async checkLoaded(input: ServiceStep & { place: RestorePlace; database: string }): Promise<void> {
      await step('check', async (context) => {
        context.beat({ step: `checking ${input.database}` });
        await checkLoaded(
          engine,
          await adminContextOf(engine, input, context),
          input.place,
          input.database,
          context,
        );
      });
    },

    /** Write down beside what will be kept what it is. */
    async recordRestore(
      input: ServiceStep & {
        place: RestorePlace;
        record: KeptRecord;
        /** Databases that go, with nothing in their place. */
        cleared?: string[];
      },
    ): Promise<void> {
      await step('record', async (context) => {
        const words = [JSON.stringify(input.record), ...(input.cleared ?? [])];
        await swapStep(deps, input, 'record', words, context);
      });
    },

    /** On a volume of its own there has to be room for what is replaced, which is copied there while the database is down. */
    async requireRoomAside(input: ServiceStep & { place: RestorePlace; databases: string[] }): Promise<void> {
      await step('check room', async (context) => {
        const found = /^lifeboat:free (\d+)$/m.exec(await swapStep(deps, input, 'room', [], context));
        const free = Number(found?.[1] ?? Number.POSITIVE_INFINITY) * 1024;
        const needed = input.databases.reduce((sum, name) => sum + (input.plan.databases[name] ?? 0), 0);
        if (needed <= free) return;
        throw new LifeboatError(
          'InsufficientSpace',
          `The disk of Docker's volumes has ${free} bytes free, and the old stores of service "${input.plan.service}" need ${needed} there: free some, or make room on the service's own volume and restore without "stage". Nothing was stopped.`,
        );
      });
    },

    /** In the window: the old stores aside, the new ones in. */
    async swapStores(input: ServiceStep & { place: RestorePlace; databases: string[] }): Promise<void> {
      await step('swap', async (context) => {
        const { target } = neo4jNamed(deps.config(), input.plan.service);
        const before = await findContainer(engine, target);
        if (before.running) throw runsAgain(before.name);
        await swapStep(deps, input, 'swap', input.databases, context);
        // What was copied from under a running database can't be relied on, nor what it has opened of the new stores.
        const after = await findContainer(engine, target);
        if (after.running || after.startedAt.getTime() !== before.startedAt.getTime())
          throw runsAgain(after.name);
      });
    },

    /** Compare what is served now with the manifest; answers the differences, or null where they can't be told. */
    async compareRestored(input: { service: string; expected: ExpectedGraphs }): Promise<string[] | null> {
      return await step('compare', async ({ signal }) => {
        const service = neo4jNamed(deps.config(), input.service);
        const container = await findContainer(engine, service.target);
        const address = service.bolt ?? publishedBolt(container);
        if (!service.username || !service.password || !address) return null;
        const access = { address, username: service.username, password: service.password };
        return await compareServed(access, input.expected, signal);
      });
    },

    /** The new stores were found good: what is aside is the safety copy from now on. */
    async acceptSwap(input: ServiceStep & { place: RestorePlace }): Promise<void> {
      await step('accept', async (context) => {
        await swapStep(deps, input, 'accept', [], context);
      });
    },
  };
}

const runsAgain = (container: string): LifeboatError =>
  new LifeboatError(
    'WindowLost',
    `The container "${container}" runs again in the middle of a restore: another program or the engine started it.`,
  );

/** A dump of a newer Neo4j is refused: loading it would fail after the fact. One of an older is migrated, and that is said. */
function requireVersion(from: string, to: string, service: string): string[] {
  const difference = compareVersions(parseVersion(from), parseVersion(to));
  const [dump, target] = [parseVersion(from), parseVersion(to)];
  if (dump.major > target.major || (dump.major === target.major && dump.minor > target.minor)) {
    throw new LifeboatError(
      'VersionMismatch',
      `The set was taken from Neo4j ${from}, and service "${service}" runs ${to}, which is older: upgrade the container to ${from} or later first.`,
    );
  }
  if (difference >= 0 || dump.major === target.major) return [];
  return [
    `The set was taken from Neo4j ${from} and goes into ${to}: the store is migrated, and can't go back to ${from} afterwards.`,
  ];
}

/** Old and new stores are on the volume at the same time; staged elsewhere, the new ones come when the old ones have gone. */
function requireRoomFor(artifacts: Artifact[], target: Neo4jPlan, stage: 'volume' | 'elsewhere'): void {
  const needed = artifacts.reduce((sum, artifact) => sum + unpackedBytes(artifact), 0);
  const freed = artifacts.reduce((sum, { name }) => sum + (target.databases[name] ?? 0), 0);
  if (needed <= target.freeBytes + (stage === 'elsewhere' ? freed : 0)) return;
  if (stage === 'elsewhere') {
    throw new LifeboatError(
      'InsufficientSpace',
      `The volume of service "${target.service}" has ${target.freeBytes} bytes free and ${freed} once the old stores are elsewhere, and the new stores need ${needed}: give it more room.`,
    );
  }
  throw new LifeboatError(
    'InsufficientSpace',
    `The volume of service "${target.service}" has ${target.freeBytes} bytes free, and the new stores need ${needed} beside the old ones: free some, or restore with "stage": "elsewhere".`,
  );
}

/** Only `system` tells a server which databases it has: a store that it does not know of is in its place and not served. */
function unknownThere(artifacts: Artifact[], { service, databases }: Neo4jPlan): string[] {
  const names = artifacts.map(({ name }) => name);
  if (names.includes('system') || !('system' in databases)) return [];
  return names
    .filter((name) => !(name in databases))
    .map(
      (name) =>
        `Service "${service}" has no database "${name}": what is restored is served once it has (CREATE DATABASE), or with "system" restored as well.`,
    );
}
