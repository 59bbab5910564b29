import { LifeboatError } from '../../model/failures.ts';

/** A version of Neo4j as its own tools print it: `4.4.48`, `5.26.30`, `2026.08.1`. */
export interface Neo4jVersion {
  text: string;
  major: number;
  minor: number;
  patch: number;
}

/** @throws {LifeboatError} `NotNeo4j` when there is no version in the text. */
export function parseVersion(text: string): Neo4jVersion {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (!found) {
    throw new LifeboatError(
      'NotNeo4j',
      `neo4j-admin did not tell its version; it said: ${text.trim().slice(0, 200)}`,
    );
  }
  return {
    text: found[0],
    major: Number(found[1]),
    minor: Number(found[2]),
    patch: Number(found[3] ?? 0),
  };
}

/** Negative when `a` is older than `b`. Calendar versions (2025.01 and later) are newer than 5. */
export function compareVersions(a: Neo4jVersion, b: Neo4jVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Versions before 5 have other commands (`neo4j-admin dump --database=…`). */
export const isLegacy = (version: Neo4jVersion): boolean => version.major < 5;
