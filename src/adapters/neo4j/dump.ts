import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { LifeboatError } from '../../model/failures.ts';
import { LABELS, word } from '../../model/names.ts';
import { localPath, readFileFrom, statPath } from '../docker/archive.ts';
import type { Engine } from '../docker/engine.ts';
import { type HelperRun, type HelperSpec, runHelper } from '../docker/helper.ts';
import { adminCommands } from './admin-commands.ts';
import { judgeAdmin } from './admin-outcome.ts';
import { directorySettings } from './layout.ts';
import { DUMP_SCRIPT, LEAN_DUMP_SCRIPT, LEAN_DUMPS_SCRIPT } from './lean-dump-script.ts';
import { STAGING, type Staging } from './staging.ts';
import { isLegacy, type Neo4jVersion } from './version.ts';

/** What a step that runs neo4j-admin in a helper needs to know. */
export interface AdminContext {
  service: string;
  set: string;
  runId: string;
  /** What it runs: the service's own image. */
  imageId: string;
  /** Settings of the service that its helpers need too. */
  env: Record<string, string>;
  /** The service's container, whose volumes are mounted; absent for work that must not see them. */
  volumesOf?: string;
  /** Mounts in memory, in the place of the volumes that it does not see. */
  tmpfs?: Record<string, string>;
  version: Neo4jVersion;
  owner: { uid: number; gid: number };
  staging: Staging;
}

/**
 * The helper of one step: the service's own image, volumes, settings and owner; no network and no privileges.
 * @param data another data directory to work on than the service's own.
 */
export function adminHelper(
  context: AdminContext,
  step: string,
  command: string[],
  data?: string,
): HelperSpec {
  return {
    name: `lifeboat-${word(step)}-${word(context.set)}-${word(context.service)}`,
    imageId: context.imageId,
    command,
    env: { ...context.env, ...(data ? directorySettings(data, isLegacy(context.version)) : {}) },
    user: `${context.owner.uid}:${context.owner.gid}`,
    volumesFrom: context.volumesOf ? [context.volumesOf] : [],
    ...(context.tmpfs ? { tmpfs: context.tmpfs } : {}),
    binds: [`${context.staging.volume}:${STAGING}`],
    labels: {
      [LABELS.service]: context.service,
      [LABELS.set]: context.set,
      [LABELS.run]: context.runId,
    },
  };
}

/** Where the dump of a database is in the staging volume. */
export const dumpFile = (database: string): string => `out/${database}/${database}.dump`;

/**
 * Dump one database into the staging volume: of a stopped container, or of a copy of its store. A retry joins the helper that is still at work,
 * or takes the result of the one that ended meanwhile.
 * @throws {LifeboatError} `RecoveryNeeded`, `DatabaseNotFound`, `InsufficientSpace`, `DumpFailed`, `DumpIncomplete` or `HelperFailed`.
 */
export async function dumpDatabase(
  engine: Engine,
  context: AdminContext,
  database: string,
  options: Omit<HelperRun, 'tick'> & {
    tick?: (percent: number | undefined) => void;
    /**
     * The data directory that a copy is in, which need not keep what nobody reads any more: its old transaction logs are left out. Default: the
     * service's own, while it is stopped.
     */
    copy?: string;
    /** As of its helper. */
    cpuShares?: number | undefined;
  } = {},
): Promise<{ bytes: number }> {
  const directory = `${STAGING}/out/${database}`;
  const dump = adminCommands(context.version).dump(database, directory);
  const program = options.copy
    ? leanDump(options.copy, database, directory, dump)
    : ['sh', '-c', DUMP_SCRIPT, directory, ...dump];
  const helper = adminHelper(context, `dump-${database}`, program, options.copy);
  if (!options.copy) helper.labels[LABELS.window] = 'inside';
  if (options.cpuShares) helper.cpuShares = options.cpuShares;
  const outcome = await runHelper(engine, helper, {
    ...options,
    tick: (output) => options.tick?.(dumpPercent(output)),
    tickMs: 1000,
  });
  judgeAdmin('dump', database, outcome);
  const stat = await statPath(engine, context.staging.carrier, `${STAGING}/${dumpFile(database)}`);
  if (!stat || stat.directory || stat.bytes === 0) {
    throw new LifeboatError(
      'DumpIncomplete',
      `neo4j-admin said that it dumped the database "${database}", but left ${stat ? 'an empty file' : 'no file'}.`,
    );
  }
  return { bytes: stat.bytes };
}

/**
 * Dump all databases of a copy by one command, if its version has one.
 * Answers which are dumped: all, or none. Why one can not be dumped, `dumpDatabase` finds out.
 */
export async function dumpTogether(
  engine: Engine,
  context: AdminContext,
  databases: string[],
  options: Omit<HelperRun, 'tick'> & { tick: (percent: number | undefined) => void; copy: string },
): Promise<string[]> {
  const { copy } = options;
  const dump = adminCommands(context.version).dumpAll(`${STAGING}/out`);
  if (!dump) return [];
  const names = databases.join(' ');
  const program = ['sh', '-c', LEAN_DUMPS_SCRIPT, `${STAGING}/out`, copy, names, ...dump];
  const helper = adminHelper(context, 'dump-together', program, copy);
  const { exitCode } = await runHelper(engine, helper, {
    ...options,
    tick: (output) => options.tick(dumpPercent(output)),
    tickMs: 1000,
  });
  return exitCode === 0 ? databases : [];
}

const leanDump = (copy: string, database: string, to: string, program: string[]): string[] => {
  const logs = `${copy}/transactions/${database}`;
  return ['sh', '-c', LEAN_DUMP_SCRIPT, to, logs, `${copy}/aside/${database}`, ...program];
};

/** neo4j-admin prints `Files: 12/37, data: 41.5%` now and then. */
function dumpPercent(output: string): number | undefined {
  const last = [...output.matchAll(/data:\s*([\d.]+)%/g)].pop();
  return last ? Number(last[1]) : undefined;
}

/** A finished dump; `open` reads it directly where this process sees the volume, else through the engine. */
export async function findDump(
  engine: Engine,
  staging: Staging,
  database: string,
): Promise<{ bytes: number; modifiedAt: Date; open: () => Promise<Readable> }> {
  const path = `${STAGING}/${dumpFile(database)}`;
  const stat = await statPath(engine, staging.carrier, path);
  if (!stat) {
    throw new LifeboatError(
      'DumpIncomplete',
      `The dump of the database "${database}" is no longer in the staging volume ${staging.volume}.`,
    );
  }
  const { bytes, modifiedAt } = stat;
  return {
    bytes,
    modifiedAt,
    async open() {
      const local = await localPath(staging.mountpoint, dumpFile(database), bytes);
      return local
        ? createReadStream(local, { highWaterMark: 1024 * 1024 })
        : await readFileFrom(engine, staging.carrier, path);
    },
  };
}
