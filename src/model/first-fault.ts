import { z } from 'zod';

/**
 * A list that is read up to its first fault. A whole list of faults would be as long as whoever wrote the document likes.
 * @param most more entries are refused before one of them is read
 */
export function listOf<Item extends z.ZodType>(item: Item, most: number) {
  return z
    .array(z.unknown())
    .max(most)
    .transform((values, context): z.output<Item>[] =>
      readAll(values.entries(), item, context).map(([, value]) => value),
    );
}

/** The same for a map from names; a name that every object has is a name like others. */
export function mapOf<Item extends z.ZodType>(item: Item, most: number) {
  return z.record(z.string(), z.unknown()).transform((values, context): Record<string, z.output<Item>> => {
    const entries = Object.entries(values);
    if (entries.length > most) {
      context.addIssue({ code: 'custom', message: `must have at most ${most} entries` });
      return z.NEVER;
    }
    return Object.fromEntries(readAll(entries, item, context));
  });
}

function readAll<Key extends PropertyKey, Item extends z.ZodType>(
  values: Iterable<[Key, unknown]>,
  item: Item,
  context: z.RefinementCtx,
): [Key, z.output<Item>][] {
  const read: [Key, z.output<Item>][] = [];
  for (const [key, value] of values) {
    const { success, data, error } = item.safeParse(value);
    if (success) read.push([key, data]);
    else {
      const [first] = error.issues;
      context.addIssue({
        code: 'custom',
        message: first?.message ?? '',
        path: [key, ...(first?.path ?? [])],
      });
      // With an issue, what is answered here is not used.
      return [];
    }
  }
  return read;
}
