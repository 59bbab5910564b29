/** Every text in a value: strings, keys, and payloads, which are bytes; what stands under the keys of `except` is left out. */
export function textsIn(value: unknown, except: readonly string[] = []): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    except.includes(key) ? [] : [key, ...textsIn(inner, except)],
  );
}
