import type { GraphFacts } from './manifest.ts';

/**
 * What differs between a graph and its descriptions before and after its capture, as sentences; empty when it agrees.
 * Where clients wrote around the capture, every count may be anything between the two.
 */
export function compareGraphRange(before: GraphFacts, after: GraphFacts, found: GraphFacts): string[] {
  const differences: string[] = [];
  const compare = (what: string, a: number, b: number, is: number) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    if (is >= low && is <= high) return;
    differences.push(`${what}: ${low === high ? low : `${low} to ${high}`} expected, ${is} found`);
  };
  compare('nodes', before.nodes, after.nodes, found.nodes);
  compare('relationships', before.relationships, after.relationships, found.relationships);
  for (const [kind, what] of [
    ['labels', 'nodes labelled'],
    ['relationshipTypes', 'relationships of type'],
  ] as const) {
    const names = new Set([before, after, found].flatMap((facts) => Object.keys(facts[kind])));
    // A label or type that is left without members may or may not be listed.
    for (const name of names) {
      const members = ({ [kind]: counts }: GraphFacts) =>
        Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0;
      compare(`${what} ${name}`, members(before), members(after), members(found));
    }
  }
  for (const what of ['indexes', 'constraints'] as const) {
    const always = before[what].filter((entry) => after[what].includes(entry));
    const missing = always.filter((entry) => !found[what].includes(entry));
    const extra = found[what].filter(
      (entry) => !before[what].includes(entry) && !after[what].includes(entry),
    );
    if (missing.length > 0) differences.push(`${what} missing: ${missing.join('; ')}`);
    if (extra.length > 0) differences.push(`${what} that were not there: ${extra.join('; ')}`);
  }
  return differences;
}
