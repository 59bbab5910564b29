/**
 * Point ids are unsigned 64-bit numbers and payloads may hold as long ones; JavaScript's numbers are exact only to 2^53.
 * A reviver for `JSON.parse` that keeps longer integers as the text of their digits.
 */
export function bigNumbersAsText(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? context.source : value;
}

interface RawJson {
  rawJSON(text: string): unknown;
}

/** A point id as it is written into JSON: the digits of a long one become a number again. */
export function idForJson(id: string | number): unknown {
  return typeof id === 'string' && /^\d+$/.test(id) ? (JSON as unknown as RawJson).rawJSON(id) : id;
}
