import { clearDebt, recordDebt } from '../adapters/docker/debt.ts';
import { untilNothingIsRecovered } from '../adapters/qdrant/recovery-end.ts';
import { LifeboatError } from '../model/failures.ts';
import { type Dependencies, qdrantNamed } from './dependencies.ts';
import { step } from './step.ts';
import { withQdrant } from './with-qdrant.ts';

/** Collections that a run makes and has to remove again. */
export function createCollectionRemovalActivities(deps: Dependencies) {
  const { engine } = deps;

  return {
    /** Delete a collection that was not there before, or that a drill made. */
    async deleteCollection(input: { service: string; collection: string }): Promise<void> {
      await step('delete', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        const node = service.urls[0] ?? '';
        // A recovery that goes on, on whichever node, would make it again.
        for (const url of service.urls) {
          const over = withQdrant(service, url, (qdrant) =>
            untilNothingIsRecovered(qdrant, input.collection, { signal }),
          );
          await over.catch((error: unknown) => {
            // A node that is away recovers nothing.
            const isAway = error instanceof LifeboatError && error.type === 'QdrantUnreachable';
            if (url === node || !isAway) throw error;
          });
        }
        await withQdrant(service, node, async (qdrant) => {
          await qdrant.deleteCollection(input.collection, { signal });
        });
        await clearDebt(engine, {
          kind: 'qdrant-collection',
          service: service.name,
          node,
          collection: input.collection,
          name: '',
        });
      });
    },

    /** Write down that a collection is a drill's own, before it is made. */
    async recordSandboxCollection(input: { service: string; collection: string }): Promise<void> {
      await step('record', async (context) => {
        const service = qdrantNamed(deps.config(), input.service);
        const node = service.urls[0] ?? '';
        await recordDebt(
          engine,
          { kind: 'qdrant-collection', service: service.name, node, collection: input.collection, name: '' },
          context,
        );
      });
    },
  };
}
