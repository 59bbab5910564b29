// Writes lifeboat.schema.json and docs/configuration.md from the schema of the configuration, and docs/workflows.md from those of the inputs.
import { readFile, writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { configurationReference } from '../src/config/reference.ts';
import { workflowReference } from './workflow-reference.ts';

const here = (path: string): URL => new URL(`../${path}`, import.meta.url);

/** The files and what has to stand in them. */
export async function generatedFiles(): Promise<Record<string, string>> {
  const example = await readFile(here('lifeboat.example.yaml'), 'utf8');
  return {
    'lifeboat.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    'docs/configuration.md': configurationReference(configJsonSchema(), example),
    'docs/workflows.md': workflowReference(),
  };
}

if (process.argv[1] && import.meta.url === new URL(process.argv[1], 'file:').href) {
  for (const [path, text] of Object.entries(await generatedFiles())) await writeFile(here(path), text);
}
