import { LifeboatError } from '../../model/failures.ts';

/**
 * The path of a collection, whatever letters its name has.
 * @throws {LifeboatError} `InvalidInput` for a name that a URL would take for a way to another path: no encoding hides `..` there (WHATWG
 * URL, "double-dot URL path segment"), or that is no well-formed text.
 */
export function at(collection: string): string {
  if (/^\.{0,2}$/.test(collection) || !collection.isWellFormed()) {
    throw new LifeboatError('InvalidInput', `"${collection}" can not be the name of a collection.`);
  }
  return `/collections/${encodeURIComponent(collection)}`;
}
