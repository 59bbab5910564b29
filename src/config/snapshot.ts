import { z } from 'zod';
import { section } from './section.ts';
import { duration, size } from './values.ts';

/** How a snapshot of the file system that holds a store is taken: by the worker, with these programs, and nothing that a run could name. */
export type SnapshotConfig = { timeoutSeconds: number } & (
  | { kind: 'btrfs' }
  | { kind: 'zfs'; dataset: string; mountpoint: string }
  | { kind: 'lvm'; volume: string; mountpoint: string; bytes: number }
  | {
      kind: 'commands';
      create: string[][];
      open: string[][];
      remove: string[][];
      exists?: string[];
      path: string;
    }
);

const PLACEHOLDERS = ['id', 'source'];

/** Text in which `{id}` and `{source}` stand for the snapshot's name and the directory that is to be in it. */
const template = z
  .string({ error: 'must be text' })
  .min(1, 'must not be empty')
  .superRefine((text, context) => {
    for (const [, name = ''] of text.matchAll(/\{(\w+)\}/g)) {
      if (PLACEHOLDERS.includes(name)) continue;
      context.addIssue({
        code: 'custom',
        message: `"{${name}}" stands for nothing: {id} and {source} can be used`,
      });
    }
  });

/** A program and its arguments, each a text of its own: there is no shell that could read them otherwise. */
const command = z
  .array(template, { error: 'must be a list of a program and its arguments, each a text of its own' })
  .min(1, 'must name a program');

const commands = z.array(command, { error: 'must be a list of commands, each a list of texts' });

const path = template.refine((text) => text.startsWith('/'), 'must be an absolute path');
const timeout = duration({ min: '1s', max: '10m' })
  .prefault('30s')
  .meta({ description: 'How long one program may take; clients wait for those that take the snapshot.' });

const mountpoint = z
  .string({ error: 'is missing: an absolute path is needed' })
  .startsWith('/', 'must be an absolute path')
  .transform((text) => text.replace(/(?<=.)\/+$/, ''))
  .meta({ description: 'Where it is mounted on the host of the engine.' });

const btrfsSchema = section({ kind: z.literal('btrfs'), timeout });

const zfsSchema = section({
  kind: z.literal('zfs'),
  timeout,
  dataset: z
    .string({ error: 'is missing: the name of a dataset is needed' })
    .regex(/^[A-Za-z0-9][\w.:/-]*$/, 'must be the name of a dataset, such as tank/docker')
    .meta({ description: 'The dataset that the data directory is in.' }),
  mountpoint,
});

const lvmSchema = section({
  kind: z.literal('lvm'),
  timeout,
  volume: z
    .string({ error: 'is missing: a volume group and a volume are needed' })
    .regex(
      /^[A-Za-z0-9+_.][\w+.-]*\/[A-Za-z0-9+_.][\w+.-]*$/,
      'must be a volume group and a volume, such as vg0/docker',
    )
    .meta({ description: 'The volume that the data directory is in.' }),
  mountpoint,
  size: size({ min: '64MiB' })
    .prefault('5GiB')
    .meta({ description: 'Room for what changes while the snapshot is there.' }),
});

const commandsSchema = section({
  kind: z.literal('commands'),
  timeout,
  create: commands.meta({
    description:
      'Run while clients wait. `{id}` is the name of the snapshot, `{source}` the data directory on the host.',
  }),
  open: commands.default([]).meta({ description: 'Run after that, to make it readable at `path`.' }),
  remove: commands.meta({ description: 'Remove it. All are run, whether it was made whole or in part.' }),
  exists: command
    .optional()
    .meta({ description: 'Ends with 0 while it is there. Default: whether there is something at `path`.' }),
  path: path.meta({ description: 'Where it can be read on the host of the engine.' }),
});

/** `services.<name>.snapshot`. */
export const snapshotSchema = z.discriminatedUnion(
  'kind',
  [btrfsSchema, zfsSchema, lvmSchema, commandsSchema],
  { error: 'must be a map with a kind, which is btrfs, zfs, lvm or commands' },
);

/** What was read from the file, in the units of the program. */
export function buildSnapshot({ timeout, ...rest }: z.infer<typeof snapshotSchema>): SnapshotConfig {
  const timeoutSeconds = timeout / 1000;
  if (rest.kind === 'lvm') {
    const { size: bytes, ...lvm } = rest;
    return { ...lvm, timeoutSeconds, bytes };
  }
  if (rest.kind === 'commands') {
    const { exists, ...programs } = rest;
    return { ...programs, timeoutSeconds, ...(exists ? { exists } : {}) };
  }
  return { ...rest, timeoutSeconds };
}
