import { seekContainer } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { beginHelper, removeContainer } from '../docker/helper.ts';
import { type AdminContext, adminHelper } from './dump.ts';

/** The removal of a copy that nobody needs any more, beside what is still done with its dump: a large one keeps the disk busy for seconds. */
export interface CopyRemoval {
  /** Begin it, and leave it to itself. Its helper stays, as the sign of it, until all that was staged is removed. */
  begin(): Promise<void>;
  begun(): Promise<boolean>;
  /** End it, and take its sign away: another copy is made in the same place. */
  end(): Promise<void>;
}

/** @param data the data directory of the copy. */
export function copyRemoval(
  engine: Engine,
  context: AdminContext,
  data: string,
  database: string,
): CopyRemoval {
  const trees = ['twin', 'aside', 'databases', 'transactions'].map((tree) => `${data}/${tree}/${database}`);
  const helper = {
    ...adminHelper(context, `remove-copy-${database}`, ['-rf', ...trees]),
    entrypoint: ['rm'],
  };
  return {
    begin: async () => void (await beginHelper(engine, helper)),
    begun: async () => (await seekContainer(engine, { container: helper.name })) !== undefined,
    end: async () => await removeContainer(engine, helper.name),
  };
}
