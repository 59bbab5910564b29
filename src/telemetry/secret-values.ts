import { Secret } from '../config/secret.ts';

/** Every secret's value in a configuration: what may stand in no log line and no notification. */
export function secretValues(value: unknown, seen = new Set<unknown>()): string[] {
  if (value instanceof Secret) return [value.reveal()];
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  return Object.values(value).flatMap((inner) => secretValues(inner, seen));
}
