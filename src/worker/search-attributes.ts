import type { Connection } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { LifeboatError, messageOf } from '../model/failures.ts';
import { SEARCH_ATTRIBUTES } from '../model/search-attributes.ts';

/**
 * Register the search attributes that are missing: a workflow that sets an unknown one would hang.
 * Those that are there already are left alone.
 * @throws {LifeboatError} `InvalidConfiguration` when the server lets nobody register them: says which to create by hand.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await knownAttributes(connection, namespace);
  if (!customAttributes) return [];
  const missing = Object.values(SEARCH_ATTRIBUTES).filter(({ name }) => !(name in customAttributes));
  if (missing.length === 0) return [];
  const searchAttributes = Object.fromEntries(
    missing.map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type) ?? 0]),
  );
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    // Another worker may have been faster.
    if (/already exists/i.test(messageOf(error))) return [];
    const commands = missing.map(
      ({ name, type }) =>
        `temporal operator search-attribute create --namespace ${namespace} --name ${name} --type ${type}`,
    );
    throw new LifeboatError(
      'InvalidConfiguration',
      `The search attributes ${missing.map(({ name }) => name).join(', ')} are missing in the namespace "${namespace}", and could not be registered: ${messageOf(error)}. Create them: ${commands.join('; ')}`,
      { cause: error },
    );
  }
  return missing.map(({ name }) => name);
}

/** gRPC's codes for what a server lets nobody do, or does not know: Temporal Cloud keeps search attributes elsewhere. */
const REFUSED = new Set([7, 12]);

async function knownAttributes(connection: Connection, namespace: string) {
  try {
    return await connection.operatorService.listSearchAttributes({ namespace });
  } catch (error) {
    const { code } = (error instanceof Error && error.cause ? error.cause : error) as { code?: number };
    // Whether they are there is not known; docs/fleet.md says how to create them.
    if (code !== undefined && REFUSED.has(code)) return { customAttributes: null };
    throw error;
  }
}
