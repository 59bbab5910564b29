import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LifeboatError } from '../../model/failures.ts';
import { LABELS, word } from '../../model/names.ts';
import { makeDirectories, makeLocalDirectory } from '../docker/archive.ts';
import { type Container, findContainer } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import {
  beginHelper,
  type HelperRun,
  type HelperSpec,
  removeContainer,
  runHelper,
} from '../docker/helper.ts';
import { readOutput, untilSaid } from '../docker/output.ts';
import type { AdminContext } from './dump.ts';
import { STAGING } from './staging.ts';
import { COPY_SCRIPT } from './store-copy-script.ts';

/** The copy of a service's data directory in its staging volume. */
export const COPY = `${STAGING}/copy`;

/** Where a helper sees the directory that it copies, when that is not the service's own. */
export const SNAPSHOT_SOURCE = '/lifeboat-snapshot';

/** Which store is copied. */
export interface StoreToCopy {
  /** The service's data directory. */
  data: string;
  /** Take this directory of the engine's host for it. */
  from?: string;
  /** Each must be there, and then is in the copy. */
  databases: string[];
  /** Copy while the database is in use, in up to three passes, so that within the window only what changed since is left. */
  early: boolean;
  /**
   * Which files of its transaction logs are taken: those from before the last checkpoint serve nothing any more, and a store that was stopped
   * cleanly has that in the newest. One that was frozen needs all.
   */
  logs: 'all' | 'newest';
}

/** What a copy came to, in bytes; `read` and `written` are those of the window alone. */
export interface StoreCopied {
  total: number;
  read: number;
  written: number;
}

/**
 * Start the helper that copies, and wait until it stands by for the window. It sees the service's volumes read-only.
 * @throws {LifeboatError} `InsufficientSpace`, `CopyFailed`
 */
export async function standByToCopy(
  engine: Engine,
  context: AdminContext,
  store: StoreToCopy,
  options: HelperRun = {},
): Promise<void> {
  const { id } = await beginHelper(engine, copyHelper(context, store));
  while (true) {
    options.signal?.throwIfAborted();
    options.tick?.('');
    const said = await readOutput(engine, id, 'stdout');
    if (said.includes('lifeboat:ready')) return;
    const helper = await findContainer(engine, { container: id });
    // It ends by itself only when it failed; running it once more reads how, and removes it.
    if (!helper.running) await finish(engine, copyHelper(context, store), options);
    await sleep(100, undefined, options.signal ? { signal: options.signal } : {});
  }
}

/**
 * Copy the store, or what changed of it since the helper stood by; to be called when nobody can write. Answers as soon as the
 * helper has said that all is copied: its end, and its removal, are not waited for while clients are.
 * @throws {LifeboatError} `InsufficientSpace`, `CopyFailed`
 */
export async function copyStore(
  engine: Engine,
  context: AdminContext,
  store: StoreToCopy,
  options: HelperRun = {},
): Promise<StoreCopied> {
  // A helper that was lost since is replaced by one that begins in the window.
  const spec = copyHelper(context, { ...store, early: false });
  let helper = await beginHelper(engine, spec);
  if (helper.status === 'exited') {
    // What one has copied that ended before this was asked for may be of an earlier window.
    await removeContainer(engine, helper.id);
    helper = await beginHelper(engine, spec);
  }
  await letGo(engine, context, helper);
  const said = await untilSaid(engine, helper.id, 'lifeboat:copied', options.signal);
  return copiedOf(said) ?? (await finish(engine, spec, options));
}

/** The flag is an entry in the staging volume, by a name that only this helper waits for. */
async function letGo(engine: Engine, context: AdminContext, helper: Container): Promise<void> {
  const flag = (helper.env.LIFEBOAT_GO ?? '').slice(STAGING.length + 1);
  const { mountpoint, carrier } = context.staging;
  // Where this process sees the volume, that is quicker than the engine's archive stream.
  if (await makeLocalDirectory(mountpoint, flag)) return;
  await makeDirectories(engine, carrier, STAGING, [flag], context.owner);
}

async function finish(engine: Engine, spec: HelperSpec, options: HelperRun): Promise<StoreCopied> {
  const { exitCode, stdout, stderr } = await runHelper(engine, spec, { ...options, tickMs: 200 });
  const room = /lifeboat:no-room (\d+) (\d+)/.exec(stdout);
  if (room) {
    throw new LifeboatError(
      'InsufficientSpace',
      `A copy of the store needs ${room[1]} KiB where the engine keeps its volumes, and ${room[2]} KiB are free: free some, or use mode "dump", which needs no copy.`,
    );
  }
  const copied = copiedOf(stdout);
  if (exitCode !== 0 || !copied) {
    throw new LifeboatError(
      'CopyFailed',
      `The store could not be copied (exit code ${exitCode}): ${(stderr || stdout).trim().slice(-300)}`,
    );
  }
  return copied;
}

function copiedOf(said: string): StoreCopied | undefined {
  const copied = /lifeboat:copied (\d+) (\d+) (\d+)\n/.exec(said);
  if (!copied) return undefined;
  const [, total, read, written] = copied.map(Number);
  return { total: total ?? 0, read: read ?? 0, written: written ?? 0 };
}

function copyHelper(context: AdminContext, { data, from, databases, early, logs }: StoreToCopy): HelperSpec {
  const go = `${STAGING}/go-${randomBytes(6).toString('hex')}`;
  // Users and the list of databases are in `system`; without it a copy of others does not know that they exist.
  const all = [...new Set([...databases, 'system'])];
  const trees = all.flatMap((database) => [`databases/${database}`, `transactions/${database}`]);
  return {
    name: `lifeboat-copy-${word(context.set)}-${word(context.service)}`,
    imageId: context.imageId,
    entrypoint: ['sh', '-c'],
    command: [COPY_SCRIPT, 'sh', data, COPY, go, early ? '1' : '0', logs, databases.join(' '), ...trees],
    env: { LIFEBOAT_GO: go },
    user: `${context.owner.uid}:${context.owner.gid}`,
    volumesFrom: context.volumesOf ? [`${context.volumesOf}:ro`] : [],
    binds: [`${context.staging.volume}:${STAGING}`, ...(from === undefined ? [] : [`${from}:${data}:ro`])],
    // A limit would count the pages that wait to be written, and slow the copy down to the disk while clients wait.
    memoryBytes: 0,
    labels: {
      [LABELS.service]: context.service,
      [LABELS.set]: context.set,
      [LABELS.run]: context.runId,
      [LABELS.window]: 'inside',
    },
  };
}
