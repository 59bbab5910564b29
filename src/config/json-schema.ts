import ms from 'ms';
import { z } from 'zod';
import { fileSchema } from './schema.ts';

/** The JSON Schema (2020-12) of `lifeboat.yaml`, as it is written: durations and sizes are texts. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(fileSchema, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      // A default duration is kept as milliseconds: in the file it is a text.
      const text = zodSchema._zod.def.type === 'default' && jsonSchema.type === 'string';
      if (text && typeof jsonSchema.default === 'number') jsonSchema.default = ms(jsonSchema.default);
    },
  });
  return { $schema, title: 'lifeboat.yaml', description: 'Configuration of Lifeboat.', ...rest };
}
