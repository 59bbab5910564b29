import { closest } from 'fastest-levenshtein';
import { z } from 'zod';

/** The sentence for a key that a section does not know. */
export function unknownKey(key: string, known: string[]): string {
  return `unknown key "${key}": did you mean "${closest(key, known)}"? Accepted here: ${known.join(', ')}`;
}

/**
 * A map in the file with exactly these keys. Unknown ones are refused, one line a key (in the order of the issue's
 * `keys`), each with the nearest known key.
 */
export function section<const Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys as string[]).map((key) => unknownKey(key, known)).join('\n')
        : `must be a map with the keys ${known.join(', ')}`,
  });
}

/** Text that is a secret; `…File` beside it names a file (or a Docker secret) that holds it instead. */
export const secretText = (description: string) =>
  z
    .string({ error: 'must be text' })
    .min(1, 'must not be empty')
    .meta({ description: `${description} A secret: write it as \${VARIABLE}, or use the …File key.` });

/** The path of a file whose content is the value of the key without `File`. */
export const secretFile = (key: string) =>
  z
    .string()
    .min(1)
    .meta({
      description: `File that holds \`${key}\`: a path beside this file, or the name of a Docker secret (/run/secrets).`,
    });
