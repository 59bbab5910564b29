/**
 * How the bytes of a Neo4j are taken, safest first. `dump`: stopped for the time of a dump. `copy`: stopped for the time of a copy, which is
 * dumped later. `freeze`: paused for the time of a copy, which a sandbox recovers before it is dumped. `snapshot`: paused for the moment of
 * a snapshot of the file system, which is copied later and then treated as a frozen copy.
 */
export const CAPTURE_MODES = ['dump', 'copy', 'freeze', 'snapshot'] as const;
export type CaptureMode = (typeof CAPTURE_MODES)[number];

/** This mode and the safer ones, in the order in which they are tried. */
export const fromModeDown = (mode: CaptureMode): CaptureMode[] =>
  CAPTURE_MODES.slice(0, CAPTURE_MODES.indexOf(mode) + 1).toReversed();

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

/**
 * What `auto` means now. A drill that went well has shown that a sandbox of this image starts here and serves what was stored, and
 * that is what freezing rests on; so it is used from then on. A mode that failed is not tried again until a later drill went well.
 * @param sets the newest sets of the service, newest first.
 * @param supported false: this version's dump does not refuse a store that needs recovery, so only stopping is safe.
 * @param snapshots whether it is configured how snapshots are taken.
 */
export function chooseMode(
  sets: readonly ModeEvidence[],
  supported: boolean,
  snapshots: boolean,
): { mode: CaptureMode; reason: string } {
  if (!supported) return { mode: 'dump', reason: 'this version is only dumped in the window' };
  const failed = new Set<CaptureMode>();
  for (const { fallbacks, drilled } of sets) {
    for (const { mode } of fallbacks) failed.add(mode);
    if (!drilled) continue;
    const reason = 'a drill has shown that a sandbox of this image works here';
    if (snapshots && !failed.has('snapshot')) return { mode: 'snapshot', reason };
    if (!failed.has('freeze')) return { mode: 'freeze', reason };
    break;
  }
  if (failed.has('copy')) return { mode: 'dump', reason: 'copying failed since the last good drill' };
  return {
    mode: 'copy',
    reason: failed.has('freeze')
      ? 'freezing failed since the last good drill'
      : 'no drill has shown yet that a sandbox of this image works here',
  };
}
