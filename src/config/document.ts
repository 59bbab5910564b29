import {
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
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

/** Maps and lists within each other beyond this many are refused: an honest file has six. */
const DEEPEST = 40;

/** Read YAML: its own errors (duplicate keys among them) and those of `${…}` become problems with places. */
export function readDocument(text: string, variables: Variables): Document {
  try {
    if (nestsTooDeep(text)) throw new RangeError();
    return read(text, variables);
  } catch (error) {
    // The reader itself gives up on what has no bottom, and on aliases that would fill the memory.
    const message = error instanceof RangeError ? TOO_DEEP : `not valid YAML: ${(error as Error).message}`;
    return { value: undefined, problems: [{ path: [], message }], place: () => ({ line: 1, column: 1 }) };
  }
}

const TOO_DEEP = `maps and lists stand within each other more than ${DEEPEST} levels deep: write it flatter`;

/** Before it is parsed: a parser holds much for each level. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  let dashes = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1;
    if (token === ']' || token === '}') depth -= 1;
    dashes =
      token === '-' || token === '?' ? dashes + 1 : token.trim() === '' && !token.includes('\n') ? dashes : 0;
    if (depth > DEEPEST || dashes > DEEPEST) return true;
  }
  return false;
}

function isTooDeep(value: unknown, levels = DEEPEST): boolean {
  if (value === null || typeof value !== 'object') return false;
  return levels === 0 || Object.values(value).some((one) => isTooDeep(one, levels - 1));
}

function read(text: string, variables: Variables): Document {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    stringKeys: true,
  });
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
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const { text: filled, missing } = variables.fill(node.value);
      node.value = filled;
      const path = pathOf(key, ancestors);
      for (const message of missing) problems.push({ path, message, ...at(node.range?.[0] ?? 0) });
    },
  });
  // A second use of a key leaves a document that can be read on; any other error does not.
  const readable = document.errors.every((error) => error.code === 'DUPLICATE_KEY');
  const value: unknown = readable ? (document.toJS() ?? {}) : undefined;
  // An alias of what it stands in never ends.
  const deep = isTooDeep(value);
  if (deep) problems.push({ path: [], message: TOO_DEEP });
  return {
    value: deep ? undefined : value,
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

/** Keys and indexes from the top on, of a node that was visited. */
function pathOf(key: number | 'key' | 'value' | null, ancestors: readonly unknown[]): PropertyKey[] {
  const chain = [...ancestors];
  const path: PropertyKey[] = [];
  for (const [index, ancestor] of chain.entries()) {
    if (isPair(ancestor)) path.push(String((ancestor.key as { value?: unknown } | null)?.value));
    if (isSeq(ancestor))
      path.push(index + 1 < chain.length ? ancestor.items.indexOf(chain[index + 1]) : Number(key));
  }
  return path;
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
