import type { Artifact, Manifest } from './manifest.ts';

/** An artifact as its run knows it, until the manifest says once for all of them who can read them. */
export interface StoredArtifact extends Artifact {
  /** For whom it was encrypted; absent where it was not, and from workers of older versions. */
  readers?: NonNullable<Manifest['encryption']>;
}

/**
 * Who can read a set, told from its artifacts: the list of keys may have been changed while the run was at work.
 * @param configured what holds for artifacts that do not say it
 */
export function readersOf(
  artifacts: readonly StoredArtifact[],
  configured: Manifest['encryption'],
): Manifest['encryption'] {
  const encrypted = artifacts.filter(({ encryption }) => encryption !== 'none');
  const all = encrypted.flatMap(({ readers }) => readers ?? configured ?? []);
  if (encrypted.length === 0) return null;
  return {
    recipients: [...new Set(all.flatMap(({ recipients }) => recipients))],
    passphrase: all.some(({ passphrase }) => passphrase),
  };
}
