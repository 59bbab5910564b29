import { LifeboatError } from '../../model/failures.ts';
import { type Container, type ContainerMount, mountOf } from '../docker/container.ts';

/** Where a Neo4j container keeps its data. */
export interface StoreLayout {
  /** The data directory in the container; `databases/` and `transactions/` are in it. */
  data: string;
  /** The volume or bind mount that it is on. */
  mount: ContainerMount;
  /** Where the transaction logs are, when that is not in the data directory: only a dump finds them there. */
  logsElsewhere?: string;
}

/**
 * Find the data directory from the container's own configuration.
 * @throws {LifeboatError} `DataNotOnVolume` when it is in the container's own layer: a helper could not see it,
 * and it would be gone with the container.
 */
export function storeLayout(container: Container): StoreLayout {
  const data = (
    container.env.NEO4J_server_directories_data ??
    container.env.NEO4J_dbms_directories_data ??
    '/data'
  ).replace(/\/+$/, '');
  const mount = mountOf(container, data);
  if (!mount || !['volume', 'bind'].includes(mount.type)) {
    throw new LifeboatError(
      'DataNotOnVolume',
      `The data directory ${data} of the container "${container.name}" is not on a volume or bind mount, so it would be lost with the container and no helper can read it. Mount a volume at /data, then back up.`,
    );
  }
  const logs = (
    container.env.NEO4J_server_directories_transaction_logs_root ??
    container.env.NEO4J_dbms_directories_transaction_logs_root ??
    ''
  ).replace(/\/+$/, '');
  return logs === '' || logs === `${data}/transactions`
    ? { data, mount }
    : { data, mount, logsElsewhere: logs };
}

/**
 * The settings that point neo4j-admin at another data directory, transaction logs included.
 * @param legacy the names of 4.4.
 */
export function directorySettings(data: string, legacy: boolean): Record<string, string> {
  const prefix = legacy ? 'NEO4J_dbms_directories' : 'NEO4J_server_directories';
  return { [`${prefix}_data`]: data, [`${prefix}_transaction_logs_root`]: `${data}/transactions` };
}

/** Settings of the container that a helper needs too; never its credentials, and nothing that makes it download. */
export function helperEnvironment(container: Container): Record<string, string> {
  return Object.fromEntries(
    Object.entries(container.env).filter(
      ([key]) =>
        // An Enterprise image runs nothing for whoever has not accepted its licence, as whoever runs the service has.
        key === 'NEO4J_ACCEPT_LICENSE_AGREEMENT' ||
        (/^NEO4J_[a-z]/.test(key) && !/password|secret|ssl|_key/i.test(key)),
    ),
  );
}
