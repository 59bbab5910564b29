import type { Manifest } from '../manifest.ts';
import type { RetentionSet } from '../retention.ts';
import { foundOf, type Said } from '../verdicts.ts';

/** What a repository's keys say of a set beside its manifest. */
export interface SetMarks {
  held: boolean;
  /** Oldest first. */
  verdicts: readonly Said[];
}

/** What retention needs to know of a set, from its manifest and marks. */
export function retentionSetOf(manifest: Manifest, marks: SetMarks): RetentionSet {
  const found = foundOf(marks.verdicts);
  const services = [
    ...manifest.services.map(({ name }) => name),
    ...manifest.failures.map(({ service }) => service),
  ];
  return {
    id: manifest.set,
    createdAt: manifest.createdAt,
    services: [...new Set(services)],
    state: manifest.state,
    bytes: manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0),
    held: marks.held,
    ...(found && { verdict: found }),
  };
}
