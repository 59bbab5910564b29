import { z } from 'zod';
import { section } from './section.ts';
import { duration, parseSize, size } from './values.ts';

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

export const SNAPSHOT_KINDS = ['btrfs', 'zfs', 'lvm', 'commands'] as const;

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
const mountpoint = z.string().startsWith('/', 'must be an absolute path');

/** `services.<name>.snapshot`. */
export const snapshotSchema = section({
  kind: z.enum(SNAPSHOT_KINDS).meta({
    description:
      'Who takes it. `btrfs`: of the subvolume that the data directory is in. `zfs`, `lvm`: of what is named below. `commands`: by programs of yours.',
  }),
  timeout: duration({ min: '1s', max: '10m' })
    .prefault('30s')
    .meta({ description: 'How long one program may take; clients wait for those of `create`.' }),
  dataset: z
    .string()
    .regex(/^[A-Za-z0-9][\w.:/-]*$/, 'must be the name of a dataset, such as tank/docker')
    .optional()
    .meta({ description: 'With `zfs`: the dataset that the data directory is in.' }),
  volume: z
    .string()
    .regex(
      /^[A-Za-z0-9+_.][\w+.-]*\/[A-Za-z0-9+_.][\w+.-]*$/,
      'must be a volume group and a volume, such as vg0/docker',
    )
    .optional()
    .meta({ description: 'With `lvm`: the volume that the data directory is in.' }),
  mountpoint: mountpoint
    .optional()
    .meta({ description: 'With `zfs` and `lvm`: where it is mounted on the host of the engine.' }),
  size: size({ min: '64MiB' }).optional().meta({
    description: 'With `lvm`: room for what changes while the snapshot is there. Default: 5GiB.',
  }),
  create: commands.optional().meta({
    description:
      'With `commands`: run while clients wait. `{id}` is the name of the snapshot, `{source}` the data directory on the host.',
  }),
  open: commands
    .optional()
    .meta({ description: 'With `commands`: run after that, to make it readable at `path`.' }),
  remove: commands
    .optional()
    .meta({ description: 'With `commands`: remove it. All are run, whether it was made whole or in part.' }),
  exists: command.optional().meta({
    description:
      'With `commands`: ends with 0 while it is there. Default: whether there is something at `path`.',
  }),
  path: path
    .optional()
    .meta({ description: 'With `commands`: where it can be read on the host of the engine.' }),
});

type SnapshotFile = z.infer<typeof snapshotSchema>;

const NEEDED: Record<SnapshotConfig['kind'], (keyof SnapshotFile)[]> = {
  btrfs: [],
  zfs: ['dataset', 'mountpoint'],
  lvm: ['volume', 'mountpoint'],
  commands: ['create', 'remove', 'path'],
};
const ALLOWED: Record<SnapshotConfig['kind'], (keyof SnapshotFile)[]> = {
  ...NEEDED,
  lvm: [...NEEDED.lvm, 'size'],
  commands: [...NEEDED.commands, 'open', 'exists'],
};

/** Keys that the kind needs and that are not there, and keys that another kind would need. */
export function snapshotProblems(file: Record<string, unknown>): { key?: string; message: string }[] {
  const kind = file.kind as SnapshotConfig['kind'];
  if (!SNAPSHOT_KINDS.includes(kind)) return [];
  const missing = NEEDED[kind].filter((key) => file[key] === undefined);
  const odd = Object.keys(file).filter(
    (key) => key !== 'kind' && key !== 'timeout' && !ALLOWED[kind].includes(key as keyof SnapshotFile),
  );
  return [
    ...missing.map((key) => ({ message: `of the kind ${kind} needs "${key}"` })),
    ...odd.map((key) => ({ key, message: `is no key of the kind ${kind}` })),
  ];
}

/** What was read from the file, typed by its kind; its problems were told before. */
export function buildSnapshot(file: SnapshotFile): SnapshotConfig {
  const timeoutSeconds = file.timeout / 1000;
  const mount = file.mountpoint?.replace(/(?<=.)\/+$/, '') ?? '';
  switch (file.kind) {
    case 'btrfs':
      return { kind: 'btrfs', timeoutSeconds };
    case 'zfs':
      return { kind: 'zfs', timeoutSeconds, dataset: file.dataset ?? '', mountpoint: mount };
    case 'lvm':
      return {
        kind: 'lvm',
        timeoutSeconds,
        volume: file.volume ?? '',
        mountpoint: mount,
        bytes: file.size ?? parseSize('5GiB') ?? 0,
      };
    case 'commands':
      return {
        kind: 'commands',
        timeoutSeconds,
        create: file.create ?? [],
        open: file.open ?? [],
        remove: file.remove ?? [],
        ...(file.exists ? { exists: file.exists } : {}),
        path: file.path ?? '',
      };
  }
}
