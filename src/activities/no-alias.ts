import type { Asking, Qdrant } from '../adapters/qdrant/qdrant.ts';
import { LifeboatError } from '../model/failures.ts';

/**
 * The server takes an alias for the collection that it points to, so what is restored under one of these names would replace that one.
 * @throws {LifeboatError} `InvalidInput`
 */
export async function requireNoAlias(qdrant: Qdrant, names: string[], options: Asking): Promise<void> {
  const aliased = (await qdrant.aliases(options)).find(({ alias }) => names.includes(alias));
  if (!aliased) return;
  throw new LifeboatError(
    'InvalidInput',
    `"${aliased.alias}" is an alias of the collection "${aliased.collection}" of service "${qdrant.name}", and a restore into it would replace that collection: restore under another name with "into", or delete the alias first.`,
  );
}
