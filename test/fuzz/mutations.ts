import fc, { type Arbitrary } from 'fast-check';

/** One change of bytes: where (from 0 to 1 of the length), what, and with which. */
interface Edit {
  kind: 'flip' | 'put' | 'cut' | 'drop' | 'repeat' | 'move';
  at: number;
  length: number;
  bytes: Uint8Array;
}

const edit: Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('flip', 'put', 'cut', 'drop', 'repeat', 'move'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  length: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(512, 1024, 4096, 65_536)),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
});

/** A file's bytes with some of them changed, a piece missing, there twice or elsewhere, or the end cut off. */
export const mutatedBytes = (original: Buffer): Arbitrary<Buffer> =>
  fc.array(edit, { minLength: 1, maxLength: 6 }).map((edits) => edits.reduce(apply, original));

function apply(file: Buffer, { kind, at, length, bytes }: Edit): Buffer {
  const from = Math.floor(at * file.length);
  const to = Math.min(file.length, from + length);
  const piece = file.subarray(from, to);
  const [before, after] = [file.subarray(0, from), file.subarray(to)];
  if (kind === 'cut') return before;
  if (kind === 'drop') return Buffer.concat([before, after]);
  if (kind === 'repeat') return Buffer.concat([before, piece, piece, after]);
  if (kind === 'move') return Buffer.concat([piece, before, after]);
  if (kind === 'put') return Buffer.concat([before, bytes, after]);
  const changed = Buffer.from(file);
  changed[from] = (changed[from] ?? 0) ^ (1 << ((bytes[0] ?? 0) % 8));
  return changed;
}

const nested = (depth: number): unknown => {
  let value: unknown = 'deep';
  for (let level = 0; level < depth; level += 1) value = level % 2 ? [value] : { a: value };
  return value;
};

/** Texts that programs have stumbled over. */
export const HOSTILE_TEXTS = [
  ...['', ' ', '\0', '\n', '..', '../../outside', '/etc/passwd', 'sets/../../outside', 'C:\\x', '-rf', '--'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '%s%n', '$(id)', '`id`', '{{#services}}'],
  ...['\u202e\u2028\ud800', '🦀'.repeat(40), 'a'.repeat(70_000), '1e309', 'NaN', '-0', 'null', 'undefined'],
  ...[
    '9'.repeat(400),
    '2026-02-30T25:61:61Z',
    '+275760-09-13T00:00:00.001Z',
    `\${HOME}`,
    `\${`,
    `\${toString}`,
    `\${A:-\${B}}`,
  ],
  ...['file:///etc/passwd', 'http://[', 'http://user:pw@127.0.0.1:0/', '[secret]', '😀:\t- &a *a'],
];

/** Numbers at and beyond every edge. */
export const HOSTILE_NUMBERS = [
  ...[0, -0, -1, 0.5, 1e21, 1e308, Number.MAX_SAFE_INTEGER, 2 ** 53, Number.MIN_VALUE, 2 ** 31, 2 ** 32],
  ...[-(2 ** 31), 8.64e15, 8.64e15 + 1],
];

/** Any value of JSON, and most of those that nobody would write. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null]),
  fc.constantFrom<unknown>(...HOSTILE_NUMBERS),
  fc.constantFrom<unknown>(...HOSTILE_TEXTS),
  fc.constantFrom(10, 1000).map(nested),
  fc.constantFrom<unknown>(
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.double(),
);

/** A change of one value inside another one: which (from 0 to 1 of all there are), and how. */
interface Change {
  kind: 'replace' | 'remove' | 'add' | 'double' | 'rename';
  at: number;
  key: string;
  value: unknown;
}

const change: Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'double', 'rename'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  key: fc.oneof(
    fc.constantFrom(...HOSTILE_TEXTS.filter((text) => text.length < 100)),
    fc.string({ maxLength: 12 }),
  ),
  value: hostileValue,
});

/** An honest JSON value with some of its parts changed, missing, doubled or renamed. */
export const mutatedJson = (...originals: unknown[]): Arbitrary<unknown> =>
  fc
    .tuple(fc.constantFrom(...originals), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([original, changes]) => {
      const root = { top: structuredClone(original) };
      // A value that is put in twice must not become part of itself.
      for (const one of changes) applyChange(root, structuredClone(one));
      return root.top;
    });

interface Place {
  parent: Record<string, unknown> | unknown[];
  key: string;
}

/** Every place below a value, as far as this goes without running out of stack. */
function placesBelow(parent: object, depth = 0): Place[] {
  if (depth > 20) return [];
  return Object.entries(parent).flatMap(([key, value]) => [
    { parent: parent as Place['parent'], key },
    ...(value !== null && typeof value === 'object' ? placesBelow(value, depth + 1) : []),
  ]);
}

function applyChange(root: { top: unknown }, { kind, at, key, value }: Change): void {
  const places = placesBelow(root);
  const place = places[Math.floor(at * places.length)];
  if (!place) return;
  const parent = place.parent as Record<string, unknown>;
  const old = parent[place.key];
  if (kind === 'replace') parent[place.key] = value;
  if (kind === 'remove') delete parent[place.key];
  // Like JSON.parse, and unlike an assignment: "__proto__" becomes a key like every other.
  if (kind === 'add') define(old !== null && typeof old === 'object' ? old : parent, key, value);
  if (kind === 'rename') {
    delete parent[place.key];
    define(parent, key, old);
  }
  if (kind === 'double' && Array.isArray(old)) parent[place.key] = [...old, ...old, ...old];
}

function define(object: object, key: string, value: unknown): void {
  if (Array.isArray(object)) object.push(value);
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
