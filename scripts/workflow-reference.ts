// What docs/workflows.md says, made from the inputs that the workflows check themselves against.
import { z } from 'zod';
import { accepted, type Schema } from '../src/config/reference.ts';
import * as inputs from '../src/model/inputs.ts';

interface Documented {
  schema: z.ZodType;
  /** Inputs as somebody would give them; an empty one stands for none. */
  examples: object[];
  /** What has to be known before it is started. */
  warning?: string;
}

/** In the order of the page. */
const WORKFLOWS: Record<string, Documented> = {
  backup: {
    schema: inputs.backupInput,
    examples: [{}, { services: ['graph'], repositories: ['local'], wait: true }],
  },
  restore: {
    schema: inputs.restoreInput,
    examples: [
      { set: 'latest verified', services: ['graph'], dryRun: true },
      { set: '20260131T030000Z-a1b2c3', services: ['graph'], databases: ['neo4j'] },
      {
        set: 'before 2026-01-31T12:00:00Z',
        collections: ['notes'],
        into: { notes: 'notes_restored' },
      },
      { undo: true, services: ['graph'] },
    ],
    warning:
      '**Without an input it restores everything of the latest set, and does not ask.** Only the command `lifeboat restore` asks before it starts anything. Name what is meant, and look first with `"dryRun": true`. What was replaced is kept, and comes back with `"undo": true`, which goes with `services`, `collections`, `dryRun` and `wait` alone.',
  },
  verify: { schema: inputs.verifyInput, examples: [{ set: 'latest', repository: 'offsite' }] },
  drill: { schema: inputs.drillInput, examples: [{ set: 'latest', services: ['graph'] }] },
  prune: {
    schema: inputs.pruneInput,
    examples: [{ dryRun: true }, { repository: 'local' }],
    warning:
      'Without an input it deletes, and does not ask: `"dryRun": true` answers what it would delete, and why the rest stays.',
  },
  replicate: { schema: inputs.replicateInput, examples: [{ from: 'local', to: ['offsite'] }] },
  watchdog: { schema: inputs.watchdogInput, examples: [{}] },
  kept: { schema: inputs.keptInput, examples: [{ services: ['graph'] }] },
  fleetBackup: {
    schema: inputs.fleetBackupInput,
    examples: [{ hosts: ['web-1', 'web-2'], concurrency: 5, backup: { services: ['graph'] } }],
  },
  fleetStatus: { schema: inputs.fleetStatusInput, examples: [{ hosts: ['web-1', 'web-2'] }] },
};

const INTRODUCTION = `# Workflows

Everything that Lifeboat does can be started as a plain Temporal workflow: by the UI, by Temporal's own command line, by a program of yours. This page is made by
\`scripts/configuration-reference.ts\` from what the workflows check their inputs against. What else runs, as a part of these: [reading a run](reading-history.md#finding-a-run).

- A workflow takes one JSON object, or nothing. Every field may be left out; an unknown one is refused with \`InvalidInput\`, by its name.
- The task queue is \`lifeboat\`, or what \`temporal.taskQueue\` says; that of a [fleet's](fleet.md) host is \`lifeboat@<host>\`.
- \`temporal workflow start\` comes back at once with an id; \`temporal workflow result --workflow-id <id>\` waits for the result, and \`temporal workflow execute\` does both.
- With compose the namespace is \`lifeboat\`: add \`--namespace lifeboat\`.
- The commands (\`lifeboat backup\`, \`lifeboat restore\`, …) start the same workflows, and a schedule's \`input\` is one of these.
`;

/** The page of all workflows that a person starts: what each takes, and how it is started. */
export function workflowReference(): string {
  return [INTRODUCTION, ...Object.entries(WORKFLOWS).map(section)].join('\n');
}

function section([name, { schema, examples, warning }]: [string, Documented]): string {
  const { description = '', properties = {} } = z.toJSONSchema(schema, { io: 'input' }) as Schema;
  const rows = Object.entries(properties).map(
    ([field, one]) => `| \`${field}\` | ${accepted(one)} | ${one.description ?? ''} |`,
  );
  return [
    `## \`${name}\``,
    '',
    description,
    '',
    ...(warning ? [warning, ''] : []),
    ...(rows.length > 0 ? ['| field | accepted | meaning |', '| --- | --- | --- |', ...rows, ''] : []),
    '```sh',
    ...examples.map((example) => started(name, schema, example)),
    '```',
    '',
  ].join('\n');
}

/** The command line of an example, which the workflow itself would take. */
function started(name: string, schema: z.ZodType, example: object): string {
  inputs.parseInput(name, schema, example);
  const input = Object.keys(example).length > 0 ? ` --input '${JSON.stringify(example)}'` : '';
  return `temporal workflow start --type ${name} --task-queue lifeboat${input}`;
}
