import { LifeboatError } from '../../model/failures.ts';
import type { QdrantHttp } from './http.ts';
import type { Alias, Asking, Qdrant } from './qdrant.ts';

/** Aliases: a snapshot does not carry them. */
export function aliasCalls(http: QdrantHttp): Pick<Qdrant, 'aliases' | 'setAliases' | 'deleteAliases'> {
  return {
    aliases: (options: Asking = {}) => readAliases(http, options),

    async setAliases(collection: string, aliases: readonly string[], options: Asking = {}): Promise<void> {
      if (aliases.length === 0) return;
      // The server does the actions one after the other and keeps what it did before one that fails: an alias that was to be moved would be gone.
      await requireTarget(http, collection, aliases, options);
      const present = new Set((await readAliases(http, options)).map((one) => one.alias));
      const actions = aliases.flatMap((alias) => [
        ...(present.has(alias) ? [{ delete_alias: { alias_name: alias } }] : []),
        { create_alias: { collection_name: collection, alias_name: alias } },
      ]);
      await changeAliases(
        http,
        actions,
        `setting the aliases ${quoted(aliases)} of "${collection}"`,
        options,
      );
    },

    async deleteAliases(aliases: readonly string[], options: Asking = {}): Promise<void> {
      const present = new Set((await readAliases(http, options)).map((one) => one.alias));
      const actions = aliases
        .filter((alias) => present.has(alias))
        .map((alias) => ({ delete_alias: { alias_name: alias } }));
      if (actions.length > 0)
        await changeAliases(http, actions, `deleting the aliases ${quoted(aliases)}`, options);
    },
  };
}

/** Everything that would make the server stop in the middle of the actions. */
async function requireTarget(
  http: QdrantHttp,
  collection: string,
  aliases: readonly string[],
  options: Asking,
): Promise<void> {
  const { collections } = await http.result<{ collections: { name: string }[] }>({
    method: 'GET',
    path: '/collections',
    doing: `setting the aliases of "${collection}"`,
    ...options,
  });
  const names = new Set(collections.map((one) => one.name));
  if (!names.has(collection))
    throw new LifeboatError(
      'CollectionNotFound',
      `${http.server} has no collection "${collection}" that aliases could point to. Restore it first.`,
    );
  const taken = aliases.filter((alias) => names.has(alias));
  if (taken.length > 0)
    throw new LifeboatError(
      'QdrantRefused',
      `${http.server} has a collection of the name ${quoted(taken)}, so that can't be an alias of "${collection}". Rename or drop that collection, or leave the alias out.`,
    );
}

async function changeAliases(
  http: QdrantHttp,
  actions: unknown[],
  doing: string,
  options: Asking,
): Promise<void> {
  await http.result({
    method: 'POST',
    path: '/collections/aliases',
    json: { actions },
    doing,
    ...options,
  });
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

async function readAliases(http: QdrantHttp, options: Asking): Promise<Alias[]> {
  const call = { method: 'GET', path: '/aliases', doing: 'listing its aliases' } as const;
  const { aliases } = await http.result<{
    aliases: { alias_name: string; collection_name: string }[];
  }>({ ...call, ...options });
  return aliases.map((one) => ({ alias: one.alias_name, collection: one.collection_name }));
}
