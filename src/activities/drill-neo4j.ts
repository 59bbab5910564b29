import { type BoltAccess, countable, graphFacts } from '../adapters/neo4j/bolt.ts';
import { loadDump } from '../adapters/neo4j/load.ts';
import { awaitSandbox, removeSandbox, sandboxName, startSandbox } from '../adapters/neo4j/sandbox.ts';
import { STAGING } from '../adapters/neo4j/staging.ts';
import { placeOf } from '../adapters/neo4j/swap.ts';
import { LifeboatError } from '../model/failures.ts';
import type { GraphFacts } from '../model/manifest.ts';
import { stagingName } from '../model/names.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { inTime } from './in-time.ts';
import { type ServiceStep, sandboxContextOf } from './neo4j.ts';
import { step } from './step.ts';

/**
 * How long a restored Neo4j may take to answer in its sandbox, and then to say what it holds (milliseconds): what the service itself may take, and
 * never less than this.
 */
const SANDBOX_START_MS = 10 * 60 * 1000;

/** What was found in a sandbox. */
export interface SandboxFindings {
  facts: Record<string, GraphFacts>;
  /** ISO time at which the restored database first answered. */
  servingSince: string;
}

/** Only `system` tells which databases are meant to be up. */
const servedOf = async (access: BoltAccess, databases: string[]): Promise<string[]> =>
  databases.includes('system') ? await countable(access, databases) : databases;

/**
 * Describe those databases of a sandbox that are meant to be up. One that accepts connections may still answer no question, and the driver would wait
 * for it without end.
 * @throws {LifeboatError} `StartFailed` when it has not answered within `limitMs` milliseconds.
 */
export async function describeServed(
  sandbox: string,
  access: BoltAccess,
  databases: string[],
  {
    signal,
    limitMs,
    counting = () => {},
  }: { signal: AbortSignal; limitMs: number; counting?: (database: string) => void },
): Promise<Record<string, GraphFacts>> {
  const describe = async (): Promise<Record<string, GraphFacts>> => {
    const facts: Record<string, GraphFacts> = {};
    for (const database of await servedOf(access, databases)) {
      counting(database);
      facts[database] = await graphFacts(access, database);
    }
    return facts;
  };
  return await inTime(
    describe(),
    { signal, limitMs },
    () =>
      new LifeboatError(
        'StartFailed',
        `Neo4j in the sandbox ${sandbox} did not say within ${limitMs / 1000} s what it holds: raise the "startTimeout" of the service if it needs longer.`,
      ),
  );
}

/** Restore drills of Neo4j: load and start in a sandbox that sees nothing of the live service. */
export function createNeo4jDrillActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Load one dump into the sandbox's own data directory. */
    async loadIntoSandbox(input: ServiceStep & { database: string; bytes?: number }): Promise<void> {
      await step('load', async (context) => {
        context.beat({ step: `loading ${input.database} into the sandbox` });
        await loadDump(
          engine,
          await sandboxContextOf(engine, input, context),
          sandboxPlace(input),
          input.database,
          { ...context, bytes: input.bytes },
        );
      });
    },

    /** Start Neo4j on what was loaded, and describe what it serves. */
    async describeSandbox(input: ServiceStep & { databases: string[] }): Promise<SandboxFindings> {
      return await step('sandbox', async (context) => {
        const { set, plan } = input;
        context.beat({ step: 'starting the sandbox' });
        await startSandbox(
          engine,
          await sandboxContextOf(engine, input, context),
          `${placeOf(sandboxPlace(input))}/new`,
        );
        const name = sandboxName(set, plan.service);
        const { startTimeoutSeconds } = neo4jNamed(deps.config(), plan.service);
        const limitMs = Math.max(SANDBOX_START_MS, startTimeoutSeconds * 1000);
        const tunnel = await awaitSandbox(engine, name, limitMs, context);
        try {
          const servingSince = new Date().toISOString();
          const access = { address: `bolt://127.0.0.1:${tunnel.port}` };
          const facts = await describeServed(name, access, input.databases, {
            signal: context.signal,
            limitMs,
            counting: (database) => context.beat({ step: `counting ${database}` }),
          });
          return { facts, servingSince };
        } finally {
          await tunnel.close();
        }
      });
    },

    /** Nothing of the sandbox stays. */
    async removeSandbox(input: { set: string; service: string }): Promise<void> {
      await step('remove', async () => await removeSandbox(engine, input.set, input.service));
    },
  };

  function sandboxPlace({ set, plan }: ServiceStep): RestorePlace {
    return { restore: set, data: STAGING, owner: plan.owner, volume: stagingName(set, plan.service) };
  }
}
