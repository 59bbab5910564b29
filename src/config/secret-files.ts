import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Problem } from './problems.ts';
import { Secret } from './secret.ts';

/** What the `…File` keys of a configuration name, read. */
export interface SecretFiles {
  problems: Problem[];
  /** The secret `key` of a section: its own text, or the content of the file that `<key>File` names. */
  secret(section: object, key: string): Secret | undefined;
  /** The content of one file that was named in `key` (or in its list). */
  content(path: string): string | undefined;
}

/**
 * Read every file that a key like `passwordFile` or `identityFiles` names, wherever it stands. Relative paths are looked for
 * beside the configuration file, then among the Docker secrets. One trailing line break is not part of the secret.
 */
export async function readSecretFiles(
  value: unknown,
  folder: string,
  secretsDirectory: string,
): Promise<SecretFiles> {
  const problems: Problem[] = [];
  const contents = new Map<string, string>();
  for (const { path, file, clash } of namedFiles(value, [])) {
    if (clash) {
      problems.push({ path, message: `give "${clash}" or "${String(path.at(-1))}", not both` });
    }
    const read = await firstReadable(candidates(file, folder, secretsDirectory));
    if (typeof read === 'string') contents.set(file, read);
    else problems.push({ path, message: read.message });
    if (read === '') problems.push({ path, message: `the file ${file} is empty: put the secret into it` });
  }
  return {
    problems,
    content: (path) => contents.get(path),
    secret(section, key) {
      const given = section as Record<string, unknown>;
      const own = given[key];
      if (typeof own === 'string') return new Secret(own);
      const file = given[`${key}File`];
      const content = typeof file === 'string' ? contents.get(file) : undefined;
      return content === undefined ? undefined : new Secret(content);
    },
  };
}

const candidates = (file: string, folder: string, secretsDirectory: string): string[] =>
  isAbsolute(file) ? [file] : [join(folder, file), join(secretsDirectory, file)];

interface NamedFile {
  path: PropertyKey[];
  file: string;
  /** The key without `File`, when it is given too. */
  clash?: string;
}

function* namedFiles(value: unknown, path: PropertyKey[]): Generator<NamedFile> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, entry] of Object.entries(value)) {
    const here = [...path, Array.isArray(value) ? Number(key) : key];
    const stem = /^(.*[a-z])File(s?)$/.exec(key);
    if (stem && typeof entry === 'string') {
      const clash = stem[2] === '' && (value as Record<string, unknown>)[stem[1] as string] !== undefined;
      yield { path: here, file: entry, ...(clash ? { clash: stem[1] as string } : {}) };
    } else if (stem && Array.isArray(entry)) {
      for (const [index, file] of entry.entries()) {
        if (typeof file === 'string') yield { path: [...here, index], file };
      }
    } else {
      yield* namedFiles(entry, here);
    }
  }
}

async function firstReadable(paths: string[]): Promise<string | { message: string }> {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    } catch (error) {
      failures.push(`${path} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
    }
  }
  return { message: `no readable file: tried ${failures.join(' and ')}` };
}
