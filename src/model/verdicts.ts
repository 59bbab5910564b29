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

/** The failures that stand, the newest last. */
function standing<T extends Said>(said: readonly T[]): T[] {
  const failed = new Map<string, T>();
  for (const one of said) {
    if (one.verdict !== 'failed' && one.verdict !== 'ok') continue;
    failed.delete(one.kind);
    if (one.verdict === 'failed') failed.set(one.kind, one);
  }
  return [...failed.values()];
}

/**
 * What all that was ever said of a set comes to; undefined when nothing was. A failure stands until the same kind of look finds the whole set
 * good: reading a set back is no proof that it can be restored, and a drill of one service tells nothing of the others.
 * @param said oldest first
 */
export function foundOf(said: readonly Said[]): 'passed' | 'failed' | undefined {
  if (standing(said).length > 0) return 'failed';
  return said.some(({ verdict }) => foundGood(verdict)) ? 'passed' : undefined;
}

/**
 * The one that decides what all of these come to: the newest failure that stands, else the newest that found something good, else the newest of all;
 * undefined when there is none.
 * @param said oldest first
 */
export const deciding = <T extends Said>(said: readonly T[]): T | undefined =>
  standing(said).at(-1) ?? said.findLast(({ verdict }) => foundGood(verdict)) ?? said.at(-1);
