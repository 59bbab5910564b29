import { z } from 'zod';
import { fileSchema } from './schema.ts';

/** The JSON Schema (2020-12) of `lifeboat.yaml`, as it is written: durations and sizes are texts. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      // Defaults of durations and sizes are kept as numbers once read: in the file they are texts.
      const inner = zodSchema._zod.def.type === 'default' && jsonSchema.type === 'string';
      if (inner && typeof jsonSchema.default === 'number') delete jsonSchema.default;
    },
  });
  return { $schema, title: 'lifeboat.yaml', description: 'Configuration of Lifeboat.', ...rest };
}
