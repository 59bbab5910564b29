/** The parts of JSON Schema that `z.toJSONSchema` writes for the configuration and for the inputs of workflows. */
export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

const INTRODUCTION = `# Configuration

One file, \`lifeboat.yaml\`: named with \`--config\` or \`LIFEBOAT_CONFIG\`, else \`./lifeboat.yaml\`, else \`/etc/lifeboat/lifeboat.yaml\`.
\`lifeboat config check\` tells every problem at once with its line; \`lifeboat config show\` shows what is in force. A running worker reads the
file again when it changes or on SIGHUP; a bad file changes nothing, and the worker says so. This page and \`lifeboat.schema.json\` (for
editors) are made from the schema by \`scripts/configuration-reference.ts\`.

- Durations are written \`90s\`, \`15m\`, \`6h\`, \`2d\`; sizes \`16MiB\`, \`200GB\`.
- In any text, \`\${NAME}\` is an environment variable, \`\${NAME:-default}\` one with a default, \`\${secret:NAME}\` a Docker secret
  (\`/run/secrets/NAME\`); \`$\${\` stands for \`\${\` itself.
- A secret has a twin with \`File\` at its end (\`password\`, \`passwordFile\`) that names a file: an absolute path, a path beside the
  configuration, or the name of a Docker secret. Secrets are never printed.
- Unknown keys are refused, with the nearest known one.
`;

const LABELS = `## Services by labels

A compose file alone can be enough: labels on the containers declare services. What contradicts the file is refused.

| label | meaning |
| --- | --- |
| \`lifeboat.enable\` | \`true\`: protect what this container runs |
| \`lifeboat.kind\` | \`neo4j\` or \`qdrant\` |
| \`lifeboat.name\` | name of the service; default: the compose service, else the container's name |
| \`lifeboat.bolt\`, \`lifeboat.username\`, \`lifeboat.databases\`, \`lifeboat.mode\`, \`lifeboat.stop-grace\`, \`lifeboat.start-timeout\` | as in the file; lists with commas |
| \`lifeboat.url\`, \`lifeboat.include\`, \`lifeboat.exclude\` | as in the file |
| \`lifeboat.password-env\`, \`lifeboat.api-key-env\` | the environment variable *of Lifeboat* that holds the secret; never the secret itself, which everybody on the machine could read in a label |
`;

/** The page of all keys, from the JSON Schema. */
export function configurationReference(schema: object, example: string): string {
  const sections = Object.entries((schema as Schema).properties ?? {}).map(([key, section]) => {
    const keys = rowsOf(section, '');
    const rows =
      keys.length === 0
        ? []
        : ['| key | accepted | default | meaning |', '| --- | --- | --- | --- |', ...keys, ''];
    return [`## \`${key}\``, '', section.description ?? '', '', ...rows].join('\n');
  });
  return [INTRODUCTION, ...sections, LABELS, `## An example\n\n\`\`\`yaml\n${example}\`\`\`\n`].join('\n');
}

/** One row for each key below a section, in the order of the schema. */
function rowsOf(schema: Schema, prefix: string): string[] {
  const named = entrySchema(schema);
  if (named) return rowsOf(named, `${prefix}<name>.`);
  const variants = schema.oneOf ?? [];
  if (variants.length > 0) return variants.flatMap((variant) => variantRows(variant, prefix));
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const entry = value.type === 'array' ? value.items : value;
    const hasInner = entry?.properties || entry?.oneOf || (entry && entrySchema(entry));
    const dots = value.type === 'array' ? '[].' : '.';
    const inner = hasInner ? rowsOf(entry, `${prefix}${key}${dots}`) : [];
    return [row(`${prefix}${key}`, value, schema.required?.includes(key) === true), ...inner];
  });
}

function variantRows(variant: Schema, prefix: string): string[] {
  const kind = variant.properties?.kind?.const;
  const { kind: _, ...properties } = variant.properties ?? {};
  const heading = `| **\`${prefix}kind: ${String(kind)}\`** | | | |`;
  return [heading, ...rowsOf({ ...variant, properties }, prefix)];
}

const entrySchema = (schema: Schema): Schema | undefined =>
  schema.type === 'object' && !schema.properties && typeof schema.additionalProperties === 'object'
    ? schema.additionalProperties
    : undefined;

function row(key: string, schema: Schema, required: boolean): string {
  const written = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
  const cells = [`\`${key}\``, accepted(schema), required ? 'needed' : written, schema.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

/** What a value may be, in words. */
export function accepted(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.type === 'array') return `list of ${schema.items ? accepted(schema.items) : 'anything'}`;
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return [...new Set(variants.map(accepted))].join(' or ');
  return (
    { string: 'text', boolean: 'true or false', integer: 'whole number', object: 'map' }[schema.type ?? ''] ??
    schema.type ??
    'anything'
  );
}
