/** One thing that `verify` or a restore drill said of a set. */
export interface Said {
  kind: string;
  /**
   * `ok-in-part`: what was looked at is good, and the set holds more. `not-run`: what was wrong was not the set; that, like any other word, says
   * nothing of it.
   */
  verdict: string;
}

/** Whether a look found all that it looked at good, be it the whole set or a part of it. */
export const foundGood = (verdict: string): boolean => verdict === 'ok' || verdict === 'ok-in-part';

/**
 * What all that was ever said of a set comes to; undefined when nothing was. A failure stands until the same kind of look finds the whole set
 * good: reading a set back is no proof that it can be restored, and a drill of one service tells nothing of the others.
 * @param said oldest first
 */
export function foundOf(said: readonly Said[]): 'passed' | 'failed' | undefined {
  const failed = new Set<string>();
  let passed = false;
  for (const { kind, verdict } of said) {
    if (verdict === 'failed') failed.add(kind);
    if (verdict === 'ok') failed.delete(kind);
    passed ||= foundGood(verdict);
  }
  if (failed.size > 0) return 'failed';
  return passed ? 'passed' : undefined;
}
