/** The path of a collection, whatever letters its name has. */
export function at(collection: string): string {
  return `/collections/${encodeURIComponent(collection)}`;
}
