import type { QdrantHttp } from './http.ts';
import type { Alias, Asking, Qdrant } from './qdrant.ts';

/** Aliases: a snapshot does not carry them. */
export function aliasCalls(http: QdrantHttp): Pick<Qdrant, 'aliases' | 'setAliases' | 'deleteAliases'> {
  return {
    aliases: (options: Asking = {}) => readAliases(http, options),

    async setAliases(collection: string, aliases: readonly string[], options: Asking = {}): Promise<void> {
      if (aliases.length === 0) return;
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
