import type { QdrantService } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';
import { DRILL_COLLECTION } from '../model/names.ts';

/** The collections that the patterns mean, but for those of restore drills. A name without `*` must be there. */
export function chooseCollections(service: QdrantService, present: string[]): string[] {
  const missing = service.include.filter((pattern) => !pattern.includes('*') && !present.includes(pattern));
  if (missing.length > 0) {
    throw new LifeboatError(
      'CollectionNotFound',
      `Service "${service.name}" has no collection ${missing.map((name) => `"${name}"`).join(', ')}; it has: ${present.join(', ') || 'none'}. Correct its "include".`,
    );
  }
  const matches = (name: string, patterns: string[]) =>
    patterns.some((pattern) => matchesPattern(name, pattern));
  return present.filter(
    (name) =>
      !name.startsWith(DRILL_COLLECTION) &&
      (service.include.length === 0 || matches(name, service.include)) &&
      !matches(name, service.exclude),
  );
}

function matchesPattern(name: string, pattern: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`).test(name);
}
