import { type BoltAccess, countable, graphFacts } from '../adapters/neo4j/bolt.ts';
import { loadDump } from '../adapters/neo4j/load.ts';
import { awaitSandbox, removeSandbox, sandboxName, startSandbox } from '../adapters/neo4j/sandbox.ts';
import { STAGING } from '../adapters/neo4j/staging.ts';
import { placeOf } from '../adapters/neo4j/swap.ts';
import type { GraphFacts } from '../model/manifest.ts';
import { stagingName } from '../model/names.ts';
import type { RestorePlace } from '../model/restore-place.ts';
import type { Dependencies } from './dependencies.ts';
import { type ServiceStep, sandboxContextOf } from './neo4j.ts';
import { step } from './step.ts';

/** How long a restored Neo4j may take to answer in its sandbox (milliseconds). */
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
        const tunnel = await awaitSandbox(engine, sandboxName(set, plan.service), SANDBOX_START_MS, context);
        try {
          const servingSince = new Date().toISOString();
          const access = { address: `bolt://127.0.0.1:${tunnel.port}` };
          const facts: SandboxFindings['facts'] = {};
          for (const database of await servedOf(access, input.databases)) {
            context.beat({ step: `counting ${database}` });
            facts[database] = await graphFacts(access, database);
          }
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
