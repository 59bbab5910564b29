/** The clocks of two machines may differ by so much (milliseconds). */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/**
 * Whether a set is dated later than any sound clock dates it: somebody's clock was ahead. It can be restored by its id, but is not the latest one
 * until its date has come.
 * @param createdAt ISO 8601, or milliseconds since 1970
 * @param now milliseconds since 1970
 */
export const isAhead = (createdAt: string | number, now: number): boolean =>
  new Date(createdAt).getTime() - now > CLOCKS_DIFFER_MS;
