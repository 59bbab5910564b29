/**
 * How the bytes of a Neo4j are taken, safest first. `dump`: stopped for the time of a dump. `copy`: stopped for the time of a copy, which is
 * dumped later. `freeze`: paused for the time of a copy, which a sandbox recovers before it is dumped. `snapshot`: paused for the moment of
 * a snapshot of the file system, which is copied later and then treated as a frozen copy. `online`: neither stopped nor paused: Neo4j Enterprise
 * backs itself up, and what comes out of that is treated as a frozen copy.
 */
export const CAPTURE_MODES = ['dump', 'copy', 'freeze', 'snapshot', 'online'] as const;
export type CaptureMode = (typeof CAPTURE_MODES)[number];

/** This mode and the safer ones, in the order in which they are tried. A snapshot has to be set up, so nothing gives way to one. */
export const fromModeDown = (mode: CaptureMode): CaptureMode[] =>
  CAPTURE_MODES.slice(0, CAPTURE_MODES.indexOf(mode) + 1)
    .filter((one) => one !== 'snapshot' || mode === 'snapshot')
    .toReversed();

/** A mode that failed in a run that went on with a safer one. */
export interface Fallback {
  mode: CaptureMode;
  type: string;
  message: string;
}

/** What an earlier set tells of the modes, for the same service and the same image. */
export interface ModeEvidence {
  fallbacks: Pick<Fallback, 'mode'>[];
  /** A restore drill found it to be what its manifest says. */
  drilled: boolean;
}

/** Which modes there are for a service at all, beside `dump`. */
export interface ModesOffered {
  /** False: this version's dump does not refuse a store that needs recovery, so only stopping is safe. */
  copies: boolean;
  /** It is configured how snapshots are taken. */
  snapshots: boolean;
  /** It is an Enterprise server that offers a backup of itself. */
  online: boolean;
}

/**
 * What `auto` means now. A drill that went well has shown that a sandbox of this image starts here and serves what was stored, and
 * that is what freezing rests on; so it is used from then on. An online backup costs nobody anything, so it needs no proof. A mode that
 * failed is not tried again until a later set was drilled well.
 * @param sets the newest sets of the service, newest first.
 */
export function chooseMode(
  sets: readonly ModeEvidence[],
  offers: ModesOffered,
): { mode: CaptureMode; reason: string } {
  if (!offers.copies) return { mode: 'dump', reason: 'this version is only dumped in the window' };
  const drilled = sets.findIndex((set) => set.drilled);
  const since = drilled < 0 ? sets : sets.slice(0, drilled + 1);
  const failed = new Set(since.flatMap(({ fallbacks }) => fallbacks.map(({ mode }) => mode)));
  if (offers.online && !failed.has('online')) {
    return { mode: 'online', reason: 'Neo4j Enterprise backs itself up while it runs' };
  }
  if (drilled >= 0) {
    const reason = 'a drill has shown that a sandbox of this image works here';
    if (offers.snapshots && !failed.has('snapshot')) return { mode: 'snapshot', reason };
    if (!failed.has('freeze')) return { mode: 'freeze', reason };
  }
  if (failed.has('copy')) return { mode: 'dump', reason: 'copying failed since the last good drill' };
  return {
    mode: 'copy',
    reason: failed.has('freeze')
      ? 'freezing failed since the last good drill'
      : 'no drill has shown yet that a sandbox of this image works here',
  };
}
