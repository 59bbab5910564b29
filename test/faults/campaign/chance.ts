/** Decisions that look random and are the same for the same seed. */
export interface Chance {
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
  /** True in this share of cases (0 to 1). */
  happens(share: number): boolean;
}

/** @param seed a whole number; @param stream tells apart what is decided from one seed, so that one decision more moves no other. */
export function chanceOf(seed: number, stream: string): Chance {
  let state = seed >>> 0;
  for (const character of stream) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  // Mulberry32, a generator in the public domain by Tommy Ettinger.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  next();
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    whole,
    pick: <T>(from: readonly T[]): T => {
      if (from.length === 0) throw new Error('There is nothing to choose from.');
      return from[whole(0, from.length - 1)] as T;
    },
    happens: (share) => next() < share,
  };
}
