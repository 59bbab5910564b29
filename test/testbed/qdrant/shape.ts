/** Where an answer differs in shape from a recorded one: other keys, other types, other values where `literal` says so. */
export function shapeDifferences(
  recorded: unknown,
  live: unknown,
  options: {
    /** Also refuse keys that the recording lacks. */
    exact: boolean;
    /** Whether the recorded value at this path is what every server must answer. */
    literal: (path: string) => boolean;
  },
  path = '',
): string[] {
  const at = path || 'the body';
  // A recorded null is a setting or a page end that another server may well have.
  if (recorded === null) return [];
  if (Array.isArray(recorded)) {
    if (!Array.isArray(live)) return [`${at}: expected a list, got ${JSON.stringify(live)}`];
    if (options.literal(path) && live.length !== recorded.length)
      return [`${at}: expected ${recorded.length} entries, got ${JSON.stringify(live)}`];
    return live.flatMap((entry, index) => {
      const like = recorded[Math.min(index, recorded.length - 1)];
      return like === undefined ? [] : shapeDifferences(like, entry, options, `${path}[]`);
    });
  }
  if (typeof recorded === 'object') {
    if (typeof live !== 'object' || live === null || Array.isArray(live))
      return [`${at}: expected an object, got ${JSON.stringify(live)}`];
    const [was, is] = [recorded as Record<string, unknown>, live as Record<string, unknown>];
    const missing = Object.keys(was).filter((key) => !(key in is));
    const extra = options.exact ? Object.keys(is).filter((key) => !(key in was)) : [];
    return [
      ...missing.map((key) => `${at}: "${key}" is missing`),
      ...extra.map((key) => `${at}: "${key}" was not recorded`),
      ...Object.keys(was)
        .filter((key) => key in is)
        .flatMap((key) => shapeDifferences(was[key], is[key], options, path ? `${path}.${key}` : key)),
    ];
  }
  if (typeof recorded !== typeof live)
    return [`${at}: expected a ${typeof recorded}, got ${JSON.stringify(live)}`];
  if (options.literal(path) && recorded !== live)
    return [`${at}: expected ${JSON.stringify(recorded)}, got ${JSON.stringify(live)}`];
  return [];
}
