/**
 * Of what restores have kept, what was there before one of them, when that one keeps something itself. A restore that began later may have swapped
 * earlier: its copy stays beside this one's.
 */
export const olderCopies = <T extends { restore: string }>(restore: string, kept: T[]): T[] =>
  kept.some((one) => one.restore === restore) ? kept.filter((one) => one.restore < restore) : [];
