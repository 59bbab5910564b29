import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PARTS, type Part } from '../test/testbed/testbed.ts';

const project = fileURLToPath(new URL('..', import.meta.url));

/** The files that take longest, the longest first: a long one that begins last has the machine half for itself. All start Neo4j servers. */
const LONG = [
  'test/workflows/restore-stage.test.ts',
  'test/faults/campaign.test.ts',
  'test/faults/restore-neo4j.test.ts',
  'test/workflows/capture-modes.test.ts',
  'test/workflows/online-mode.test.ts',
  'test/faults/backup-neo4j.test.ts',
  'test/faults/restore-bad-luck.test.ts',
  'test/workflows/backup-neo4j.test.ts',
  'test/workflows/fortnight.test.ts',
  'test/workflows/first-hour.test.ts',
];

/** Folders whose files take longer than those of others. */
const NEXT = ['test/faults/', 'test/workflows/'];

/** All test files, or those whose path holds one of the patterns, in the order in which they begin. */
export function testFiles(patterns: readonly string[]): string[] {
  const files = globSync('test/**/*.test.ts', { cwd: project }).sort();
  const absent = LONG.find((file) => !files.includes(file));
  // One that was renamed would lose its place, and nobody would see it.
  if (absent !== undefined) throw new Error(`${absent} is among the long test files, and is not there.`);
  const rank = (file: string) => {
    if (LONG.includes(file)) return LONG.indexOf(file);
    return NEXT.some((folder) => file.startsWith(folder)) ? LONG.length : LONG.length + 1;
  };
  files.sort((a, b) => rank(a) - rank(b));
  return patterns.length === 0
    ? files
    : files.filter((file) => patterns.some((pattern) => file.slice('test/'.length).includes(pattern)));
}

/** The parts that a file names in a line `// needs: docker temporal`; without it all, and unit tests none. */
export function partsOf(file: string): readonly Part[] {
  const line = /^\/\/ needs:(.*)$/m.exec(readFileSync(join(project, file), 'utf8'))?.[1];
  if (line === undefined) return file.startsWith('test/unit/') ? [] : PARTS;
  const names = line.split(/[\s,]+/).filter((name) => name !== '' && name !== 'nothing');
  const unknown = names.find((name) => !PARTS.includes(name as Part));
  if (unknown !== undefined) {
    throw new Error(`${file} needs "${unknown}", which is no part of the testbed: ${PARTS.join(', ')}.`);
  }
  return names as Part[];
}
