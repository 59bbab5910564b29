import { findContainer } from '../adapters/docker/container.ts';
import { ensureChain, forgetChain } from '../adapters/neo4j/backup-chain.ts';
import { backupAddress, takeOnlineBackup } from '../adapters/neo4j/online-backup.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Dependencies, neo4jNamed } from './dependencies.ts';
import { type ServiceStep, sandboxContextOf } from './neo4j.ts';
import { step } from './step.ts';

/** Neo4j Enterprise's own backup, with nothing stopped and nothing paused. */
export function createNeo4jOnlineActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /**
     * Let Neo4j back itself up, and put the stores together from it in the staging volume, as a copy that a sandbox recovers.
     * A chain that can not be put together is forgotten, and a full backup taken.
     */
    async takeOnlineBackup(input: ServiceStep): Promise<{ type: 'FULL' | 'AUTO' }> {
      return await step('online backup', async (context) => {
        const { plan } = input;
        const container = await findContainer(engine, { container: plan.containerId });
        if (!container.running || container.paused) {
          throw new LifeboatError(
            'OnlineBackupFailed',
            `The container "${container.name}" does not run, so its Neo4j can't back itself up.`,
          );
        }
        const admin = await sandboxContextOf(engine, input, context);
        const { differentials } = neo4jNamed(deps.config(), plan.service);
        const take = async () => {
          const chain = differentials && {
            volume: await ensureChain(engine, admin),
            most: differentials.fullEvery,
          };
          context.beat({ step: 'backing up while it is in use' });
          const backup = {
            databases: Object.keys(plan.databases),
            address: backupAddress(container),
            container: container.id,
            ...(chain ? { chain } : {}),
          };
          return await takeOnlineBackup(engine, admin, backup, {
            signal: context.signal,
            keep: context.keep,
          });
        };
        try {
          return await take();
        } catch (error) {
          const mayBeBroken = error instanceof LifeboatError && error.type === 'OnlineBackupFailed';
          if (!differentials || !mayBeBroken) throw error;
          await forgetChain(engine, admin);
          return await take();
        }
      });
    },
  };
}
