/** What a host says of itself. */
export interface HostStatus {
  /** Of its Lifeboat. */
  version: string;
  /** `newest`: when the data of the last good set was taken (ISO 8601). `stale`: older than the objective, or never. */
  services: { service: string; newest: string | null; stale: boolean }[];
  /** Repositories that could not be read. */
  problems: string[];
}

/** One host in the status of a fleet. */
export interface HostLine {
  /** `busy`: its worker lives and is too busy to answer. `problem`: it answered that something is wrong. */
  state: 'ok' | 'stale' | 'problem' | 'busy' | 'unreachable';
  /** The age of the host: the oldest of its services' newest sets (ISO 8601); null where a service has none, or nobody says. */
  newest: string | null;
  services: number;
  version?: string;
  /** What is wrong, at most 200 characters. */
  problem?: string;
}

const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text);

/** What a host said → its line. */
export function hostLine({ version, services, problems }: HostStatus): HostLine {
  const times = services.map(({ newest }) => newest);
  const newest = times.includes(null) ? null : ((times as string[]).toSorted().at(0) ?? null);
  const stale = services.filter((one) => one.stale).map(({ service }) => service);
  const said = [
    ...problems,
    ...(stale.length > 0 ? [`No recent good set of ${stale.join(', ')}.`] : []),
    ...(services.length === 0 ? ['It has no services.'] : []),
  ];
  return {
    state: problems.length > 0 || services.length === 0 ? 'problem' : stale.length > 0 ? 'stale' : 'ok',
    newest,
    services: services.length,
    version,
    ...(said.length > 0 ? { problem: short(said.join(' ')) } : {}),
  };
}

/** A host that said nothing. */
export const silentLine = (state: 'busy' | 'unreachable' | 'problem', problem: string): HostLine => ({
  state,
  newest: null,
  services: 0,
  problem: short(problem),
});
