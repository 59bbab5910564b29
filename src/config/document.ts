import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml';
import type { Problem } from './problems.ts';
import type { Variables } from './variables.ts';

/** A YAML file with the places of its keys and values. */
export interface Document {
  /** Plain values, `${…}` filled in. */
  value: unknown;
  problems: Problem[];
  /** The place of the value at a path, or of its key; of the nearest one above when it is not in the file. */
  place(path: PropertyKey[]): { line: number; column: number };
}

/** Read YAML: its own errors (duplicate keys among them) and those of `${…}` become problems with places. */
export function readDocument(text: string, variables: Variables): Document {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems: Problem[] = document.errors.map((error) => ({
    path: [],
    message:
      error.code === 'DUPLICATE_KEY'
        ? duplicateKey(text.slice(error.pos[0]))
        : `not valid YAML: ${error.message}`,
    ...at(error.pos[0]),
  }));
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const { text: filled, missing } = variables.fill(node.value);
      node.value = filled;
      for (const message of missing) problems.push({ path: [], message, ...at(node.range?.[0] ?? 0) });
    },
  });
  const value: unknown = document.errors.length > 0 ? undefined : (document.toJS() ?? {});
  return {
    value,
    problems,
    place(path) {
      for (let length = path.length; length > 0; length--) {
        const found = nodeAt(document.contents, path.slice(0, length));
        if (found?.range) return at(found.range[0]);
      }
      return at(0);
    },
  };
}

function duplicateKey(rest: string): string {
  const key = /^[^\s:]+/.exec(rest)?.[0] ?? '';
  return `"${key}" stands here a second time: every name and key can be used once in its map`;
}

/** The key's node for an entry of a map (where the eye looks), the item's for an entry of a list. */
function nodeAt(contents: Node | null, path: PropertyKey[]): Node | undefined {
  let node: unknown = contents;
  let shown: unknown = contents;
  for (const part of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (!pair) return undefined;
      shown = pair.key;
      node = pair.value;
    } else {
      const items = (node as { items?: unknown[] } | null)?.items;
      node = items?.[Number(part)];
      if (node === undefined) return undefined;
      shown = node;
    }
  }
  return shown as Node;
}
