/** The oldest server that Lifeboat works with: from here on `priority` has its present default and checksums are given. */
export const OLDEST_VERSION = '1.9.3';
/** Before this, a snapshot that is taken while points are written can be damaged (Qdrant #7298). */
export const SAFE_WHILE_WRITING = '1.15.5';

/**
 * Why a snapshot of one server must not be restored into another, as a full sentence; undefined when it may be.
 * Qdrant's rule: the same minor version, or the next one. The snapshot itself does not tell which server wrote it.
 */
export function restoreRefusal(snapshotOf: string, target: string): string | undefined {
  const [from, to] = [parse(snapshotOf), parse(target)];
  if (!from || !to)
    return `The version of ${from ? 'the target' : "the snapshot's server"} is not known ("${from ? target : snapshotOf}"), so it can't be told whether the snapshot fits.`;
  if (from.major === to.major && (to.minor === from.minor || to.minor === from.minor + 1)) return undefined;
  const rule = 'Qdrant restores into the same minor version or the next one';
  const older = to.major < from.major || (to.major === from.major && to.minor < from.minor);
  const advice = older
    ? `run Qdrant ${from.major}.${from.minor} as the target`
    : `restore into Qdrant ${from.major}.${from.minor} or ${from.major}.${from.minor + 1} and upgrade that one minor version at a time`;
  return `The snapshot was taken by Qdrant ${snapshotOf} and the target runs ${target}: ${rule}; ${advice}.`;
}

/** What is to be said about backing up a server of this version, as full sentences; nothing for a current one. */
export function versionWarnings(version: string): string[] {
  if (isBefore(version, OLDEST_VERSION))
    return [
      `Qdrant ${version} is older than ${OLDEST_VERSION}, the oldest version that Lifeboat is made for.`,
    ];
  if (isBefore(version, SAFE_WHILE_WRITING))
    return [
      `Qdrant ${version} can write a damaged snapshot when points change meanwhile; ${SAFE_WHILE_WRITING} and later do not. Pause the writers, or upgrade.`,
    ];
  return [];
}

/** False also when one of them is no version. */
export function isBefore(version: string, other: string): boolean {
  const [a, b] = [parse(version), parse(other)];
  return !!a && !!b && (a.major - b.major || a.minor - b.minor || a.patch - b.patch) < 0;
}

function parse(version: string): { major: number; minor: number; patch: number } | undefined {
  const found = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return found
    ? { major: Number(found[1]), minor: Number(found[2]), patch: Number(found[3] ?? 0) }
    : undefined;
}
