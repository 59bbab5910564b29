import { type Dependencies, qdrantNamed } from './dependencies.ts';
import { step } from './step.ts';
import { withQdrant } from './with-qdrant.ts';

/** An alias, and the collection that it pointed to before a restore; null when there was no such alias. */
export interface AliasBefore {
  alias: string;
  collection: string | null;
}

/** Aliases, which no snapshot carries. */
export function createCollectionAliasActivities(deps: Dependencies) {
  return {
    /** Where these aliases point now. */
    async aliasesBefore(input: { service: string; aliases: string[] }): Promise<AliasBefore[]> {
      return await step('aliases', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        return await withQdrant(service, service.urls[0] ?? '', async (qdrant) => {
          const present = new Map(
            (await qdrant.aliases({ signal })).map(({ alias, collection }) => [alias, collection]),
          );
          return input.aliases.map((alias) => ({ alias, collection: present.get(alias) ?? null }));
        });
      });
    },

    /** Let aliases point to a collection, as the manifest has them. */
    async setAliases(input: { service: string; collection: string; aliases: string[] }): Promise<void> {
      await step('aliases', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        await withQdrant(service, service.urls[0] ?? '', async (qdrant) => {
          await qdrant.setAliases(input.collection, input.aliases, { signal });
        });
      });
    },

    /**
     * Let aliases that point to a restored collection point again to where they pointed before; one that was not there goes, and one
     * that somebody has moved since, or whose collection is gone, stays as it is. Answers those that were moved.
     */
    async returnAliases(input: {
      service: string;
      collection: string;
      aliases: AliasBefore[];
    }): Promise<string[]> {
      return await step('aliases', async ({ signal }) => {
        const service = qdrantNamed(deps.config(), input.service);
        return await withQdrant(service, service.urls[0] ?? '', async (qdrant) => {
          const now = new Map(
            (await qdrant.aliases({ signal })).map(({ alias, collection }) => [alias, collection]),
          );
          const collections = await qdrant.collections({ signal });
          const moved: string[] = [];
          for (const { alias, collection } of input.aliases) {
            if (now.get(alias) !== input.collection || collection === input.collection) continue;
            if (collection !== null && !collections.includes(collection)) continue;
            if (collection === null) await qdrant.deleteAliases([alias], { signal });
            else await qdrant.setAliases(collection, [alias], { signal });
            moved.push(alias);
          }
          return moved;
        });
      });
    },
  };
}
