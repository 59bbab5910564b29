import { isLegacy, type Neo4jVersion } from './version.ts';

/**
 * The command lines of `neo4j-admin`, in the syntax of the image's own version: `neo4j-admin database dump` since 5,
 * `neo4j-admin dump` up to 4.4. Directories are absolute paths in the helper container.
 */
export interface AdminCommands {
  /** Dump each database to `<directory>/<database>.dump`. One command a database: the exit code is then its own. */
  dump(database: string, directory: string): string[];
  /** Dump all databases that there are by one command, to the same names; null where the version has no patterns. */
  dumpAll(directory: string): string[] | null;
  /** Load `<directory>/<database>.dump` over what is there. */
  load(database: string, directory: string): string[];
  /** Facts of a stopped store as JSON; null where the version has no such command. */
  info(database: string): string[] | null;
  /** Back up running databases of an Enterprise server, one artifact each; null where there is no such command. */
  backup(databases: string[], options: { from: string; directory: string }): string[] | null;
  /** Make a store of the artifact that is named after it, and the database after that; null as before. */
  restore(): string[] | null;
  /** Check a stopped store, with at most this much memory outside the heap (bytes); null where there is none. */
  check(database: string, options: { reportDirectory: string; offHeapBytes: number }): string[] | null;
}

export function adminCommands(version: Neo4jVersion): AdminCommands {
  return isLegacy(version) ? legacyCommands : currentCommands;
}

const currentCommands: AdminCommands = {
  dump: (database, directory) => ['neo4j-admin', 'database', 'dump', database, `--to-path=${directory}`],
  dumpAll: (directory) => ['neo4j-admin', 'database', 'dump', '*', `--to-path=${directory}`],
  load: (database, directory) => [
    'neo4j-admin',
    'database',
    'load',
    database,
    `--from-path=${directory}`,
    '--overwrite-destination=true',
  ],
  info: (database) => ['neo4j-admin', 'database', 'info', '--format=json', database],
  backup: (databases, { from, directory }) => [
    'neo4j-admin',
    'database',
    'backup',
    `--from=${from}`,
    `--to-path=${directory}`,
    ...databases,
  ],
  restore: () => ['neo4j-admin', 'database', 'restore', '--overwrite-destination=true'],
  check: (database, { reportDirectory, offHeapBytes }) => [
    'neo4j-admin',
    'database',
    'check',
    database,
    `--report-path=${reportDirectory}`,
    `--max-off-heap-memory=${offHeapBytes}`,
    '--threads=1',
  ],
};

const legacyCommands: AdminCommands = {
  dump: (database, directory) => [
    'neo4j-admin',
    'dump',
    `--database=${database}`,
    `--to=${directory}/${database}.dump`,
  ],
  dumpAll: () => null,
  load: (database, directory) => [
    'neo4j-admin',
    'load',
    `--database=${database}`,
    `--from=${directory}/${database}.dump`,
    '--force',
  ],
  info: () => null,
  backup: () => null,
  restore: () => null,
  check: (database, { reportDirectory }) => [
    'neo4j-admin',
    'check-consistency',
    `--database=${database}`,
    `--report-dir=${reportDirectory}`,
  ],
};
