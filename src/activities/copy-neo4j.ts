import { servedFacts } from '../adapters/neo4j/bolt.ts';
import { type CheckBesideDump, checkBesideDump, checkStore } from '../adapters/neo4j/check.ts';
import { copyRemoval } from '../adapters/neo4j/copy-removal.ts';
import { type AdminContext, dumpDatabase, dumpTogether } from '../adapters/neo4j/dump.ts';
import {
  awaitSandbox,
  removeSandbox,
  sandboxName,
  startSandbox,
  stopSandbox,
} from '../adapters/neo4j/sandbox.ts';
import {
  COPY,
  copyStore,
  type StoreCopied,
  type StoreToCopy,
  standByToCopy,
} from '../adapters/neo4j/store-copy.ts';
import { LifeboatError } from '../model/failures.ts';
import type { GraphFacts } from '../model/manifest.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { checkpoint, letGoOn, type Release, requireWindow, sameWindow } from './held-window.ts';
import { inTime } from './in-time.ts';
import { adminContextOf, type ServiceStep, sandboxContextOf, within } from './neo4j.ts';
import { type Step, step } from './step.ts';

/** CPU shares of dumps that no set waits for, because one of a larger database is still under way. */
const CPU_SHARES_OF_SMALLER = 128;

/** Copies of stores: taken in a window, recovered, checked and dumped while the service is up again. */
export function createNeo4jCopyActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Copy what can be copied while the database is in use, and stand by for the window. */
    async standByToCopy(input: ServiceStep & { window?: 'offline' | 'freeze' }): Promise<void> {
      await step('stand by', async (context) => {
        await checkpoint(deps, input, context);
        const admin = await adminContextOf(engine, input, context);
        for (const database of Object.keys(input.plan.databases)) {
          // A mode that failed may have begun to remove its own copy, from the same place.
          await copyRemoval(engine, admin, COPY, database).end();
        }
        context.beat({ step: 'copying while it is in use' });
        await standByToCopy(engine, admin, storeOf(input), context);
      });
    },

    /** Copy the store within its window; what was copied before is only brought up to date. */
    async copyStore(
      input: ServiceStep & {
        window: 'offline' | 'freeze';
        /** Let the container go on (or start it) as soon as all is copied; closing the window still sees that it serves. */
        release: boolean;
      },
    ): Promise<StoreCopied & { release?: Release }> {
      return await step('copy', async (context) => {
        context.beat({ step: 'copying the store' });
        const began = await requireWindow(engine, input);
        const copied = await copyStore(
          engine,
          await adminContextOf(engine, input, context),
          storeOf(input),
          context,
        );
        const ended = await sameWindow(engine, input, began);
        return input.release ? { ...copied, release: await letGoOn(engine, ended) } : copied;
      });
    },

    /** Let a sandbox recover a copy that was taken from a frozen server, tell what it holds, and stop it cleanly. */
    async recoverCopy(
      input: ServiceStep & { databases: string[] },
    ): Promise<{ facts: Record<string, GraphFacts> }> {
      return await step('recover', async (context) => {
        const { set, plan } = input;
        const service = neo4jNamed(deps.config(), plan.service);
        const name = sandboxName(set, plan.service);
        context.beat({ step: 'recovering the copy in a sandbox' });
        await startSandbox(engine, await sandboxContextOf(engine, input, context), COPY);
        let facts: Record<string, GraphFacts>;
        const limitMs = service.startTimeoutSeconds * 1000;
        const tunnel = await awaitSandbox(engine, name, limitMs, context);
        try {
          // One that accepts connections may still answer no question, and the driver would wait for it without end.
          facts = await inTime(
            servedFacts({ address: `bolt://127.0.0.1:${tunnel.port}` }, input.databases),
            { signal: context.signal, limitMs },
            () =>
              new LifeboatError(
                'StartFailed',
                `Neo4j in the sandbox ${name} did not say within ${limitMs / 1000} s what the copy holds: raise the "startTimeout" of service "${plan.service}" if the copy needs longer to recover.`,
              ),
          );
        } finally {
          await tunnel.close();
        }
        context.beat({ step: 'stopping the sandbox' });
        const { clean } = await stopSandbox(engine, name, () => {});
        await removeSandbox(engine, set, plan.service);
        if (!clean) {
          throw new LifeboatError(
            'UncleanShutdown',
            `The sandbox that recovered the copy of service "${plan.service}" did not shut down cleanly.`,
          );
        }
        return { facts };
      });
    },

    /**
     * Dump all databases of the copy by one command, and begin to check them beside that. Answers which of them are dumped: all or none, to be dumped one by
     * one then.
     */
    async dumpCopies(input: ServiceStep): Promise<{ dumped: string[] }> {
      return await step('dump', async (context) => {
        const databases = Object.keys(input.plan.databases);
        const admin = await sandboxContextOf(engine, input, context);
        const checks = await beginChecks(input, admin, databases, context);
        try {
          const dumped = await dumpTogether(engine, admin, databases, {
            ...within(context, 'dumping the copy'),
            copy: COPY,
          });
          return { dumped };
        } catch (error) {
          if (!(context.signal.aborted && context.keep())) for (const check of checks) await check.end();
          throw error;
        }
      });
    },

    /** Dump one database of the copy, and begin to check it beside that. */
    async dumpCopy(input: ServiceStep & { database: string }): Promise<{ bytes: number }> {
      return await step('dump', async (context) => {
        const { database } = input;
        const admin = await sandboxContextOf(engine, input, context);
        const dump = async () =>
          await dumpDatabase(engine, admin, database, {
            ...within(context, `dumping ${database} from the copy`),
            copy: COPY,
            cpuShares: isLargest(database, input.plan.databases) ? undefined : CPU_SHARES_OF_SMALLER,
          });
        const [check] = await beginChecks(input, admin, [database], context);
        if (!check) return await dump();
        try {
          return await dump();
        } catch (error) {
          if (context.signal.aborted && context.keep()) throw error;
          await check.end();
          const refused = error instanceof LifeboatError && error.type === 'DumpFailed';
          if (context.signal.aborted || !refused) throw error;
          // Another Neo4j may lock more than those that this was tried with: alone, it can not be in its way.
          return await dump();
        }
      });
    },

    /** See that one database of the copy is consistent, which was dumped before; of the largest, let its copy go then. */
    async checkCopy(input: ServiceStep & { database: string }): Promise<void> {
      await step('check', async (context) => {
        const { plan, database } = input;
        const admin = await sandboxContextOf(engine, input, context);
        const removal = copyRemoval(engine, admin, COPY, database);
        // An attempt that nobody heard of has seen that it is consistent.
        if (await removal.begun()) return;
        if (neo4jNamed(deps.config(), plan.service).checkCopies) {
          context.beat({ step: `checking the copy of ${database}` });
          const passed = await checkBesideDump(engine, admin, COPY, database).passes(context);
          if (!passed) await checkStore(engine, admin, COPY, database, context);
        }
        if (isLargest(database, plan.databases)) await removal.begin();
      });
    },
  };

  /** None where copies are not checked. */
  async function beginChecks(
    { plan }: ServiceStep,
    admin: AdminContext,
    databases: string[],
    context: Step,
  ): Promise<CheckBesideDump[]> {
    if (!neo4jNamed(deps.config(), plan.service).checkCopies) return [];
    const checks = databases.map((database) => checkBesideDump(engine, admin, COPY, database));
    // Those that this step did not begin are of an earlier copy, or of a dump that failed.
    if (!context.checkpoint.checking) for (const check of checks) await check.end();
    context.beat({ checkpoint: { checking: true } });
    for (const check of checks) await check.begin();
    return checks;
  }

  function storeOf({ plan, window }: ServiceStep & { window?: 'offline' | 'freeze' }): StoreToCopy {
    const { preCopy } = neo4jNamed(deps.config(), plan.service);
    return {
      data: plan.data,
      databases: Object.keys(plan.databases),
      early: preCopy,
      logs: window === 'offline' && plan.running ? 'newest' : 'all',
    };
  }
}

const isLargest = (database: string, bytes: Record<string, number>): boolean =>
  (bytes[database] ?? 0) >= Math.max(...Object.values(bytes));
