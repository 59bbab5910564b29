import type { Asking, Qdrant } from '../adapters/qdrant/qdrant.ts';
import { LifeboatError } from '../model/failures.ts';

/**
 * The server takes an alias for the collection that it points to, so what is restored under its name would replace that one.
 * @throws {LifeboatError} `InvalidInput`
 */
export async function requireNoAlias(qdrant: Qdrant, name: string, options: Asking): Promise<void> {
  const aliased = (await qdrant.aliases(options)).find(({ alias }) => alias === name);
  if (!aliased) return;
  throw new LifeboatError(
    'InvalidInput',
    `"${name}" is an alias of the collection "${aliased.collection}" of service "${qdrant.name}", and a restore into it would replace that collection: restore under another name with "into", or delete the alias first.`,
  );
}
