import { z } from 'zod';
import { LifeboatError } from './failures.ts';
import { NAME } from './names.ts';

// The workflow sandbox forbids code made at run time, which zod otherwise uses for speed.
z.config({ jitless: true });

const names = z.array(z.string().min(1)).min(1);

/** What `backup` takes; with no input, every configured service goes into one set in every repository. */
export const backupInput = z.strictObject({
  /** Services to back up. Default: all. */
  services: names.optional(),
  /** Repositories to store it in; the first is the primary. Default: all, as configured. */
  repositories: names.optional(),
  /** Take all captures while nobody can write. Default: as configured. */
  consistent: z.boolean().optional(),
  /** Wait for a busy service instead of failing with `ServiceBusy`. Default false. */
  wait: z.boolean().optional(),
});
export type BackupInput = z.infer<typeof backupInput>;

/** What says something beside `undo`. */
const WITH_UNDO: ReadonlySet<string> = new Set(['undo', 'services', 'collections', 'dryRun', 'wait']);

/** What `restore` takes; with no input, the latest set over all its services, from the primary repository. */
export const restoreInput = z
  .strictObject({
    /** `latest`, `latest verified`, `before <time>`, or a set's id or its unique beginning. Default `latest`. */
    set: z.string().min(1).optional(),
    repository: z.string().min(1).optional(),
    services: names.optional(),
    /** Neo4j databases. Default: all of the set but `system`. */
    databases: names.optional(),
    /** Qdrant collections. Default: all of the set. */
    collections: names.optional(),
    /** Qdrant collections to restore under another name: from → to. */
    into: z.record(z.string(), z.string().min(1)).optional(),
    /** With `into`: let the aliases of the old collection point to the new one. Default false. */
    switchAlias: z.boolean().optional(),
    /** Check everything and answer the plan, with nothing changed. Default false. */
    dryRun: z.boolean().optional(),
    /** Restore `system` too: users and passwords become those of the backup. Default false. */
    system: z.boolean().optional(),
    /** Empty the data directory first; needs `confirm`. Default false. */
    clear: z.boolean().optional(),
    /** The name of the service, as a confirmation of `clear`. */
    confirm: z.string().optional(),
    /** Where the new store is prepared: on the service's own volume, or `elsewhere` when that has no room for both. */
    stage: z.enum(['volume', 'elsewhere']).optional(),
    /** Check the consistency of the new store before anything is stopped. Default true. */
    check: z.boolean().optional(),
    /** Bring back what the last restore replaced, of the named `services` and `collections` where there are some. Default false. */
    undo: z.boolean().optional(),
    /** Wait for a busy service instead of failing with `ServiceBusy`. Default false. */
    wait: z.boolean().optional(),
  })
  .superRefine((input, context) => {
    if (!input.undo) return;
    for (const [field, value] of Object.entries(input)) {
      if (value === undefined || WITH_UNDO.has(field)) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: 'can not be combined with "undo", which brings back what a restore replaced as it was',
      });
    }
  });
export type RestoreInput = z.infer<typeof restoreInput>;

export const verifyInput = z.strictObject({
  set: z.string().min(1).optional(),
  repository: z.string().min(1).optional(),
});
export type VerifyInput = z.infer<typeof verifyInput>;

export const drillInput = z.strictObject({
  set: z.string().min(1).optional(),
  repository: z.string().min(1).optional(),
  services: names.optional(),
});
export type DrillInput = z.infer<typeof drillInput>;

export const pruneInput = z.strictObject({
  /** Default: every configured repository, one after the other. */
  repository: z.string().min(1).optional(),
  /** Answer what would be done, and do nothing. Default false. */
  dryRun: z.boolean().optional(),
});
export type PruneInput = z.infer<typeof pruneInput>;

export const replicateInput = z.strictObject({
  /** Default: every complete set of the source that a target lacks. */
  set: z.string().min(1).optional(),
  /** Default: the primary repository. */
  from: z.string().min(1).optional(),
  /** Default: all other repositories. */
  to: names.optional(),
});
export type ReplicateInput = z.infer<typeof replicateInput>;

export const watchdogInput = z.strictObject({});
export type WatchdogInput = z.infer<typeof watchdogInput>;

export const keptInput = z.strictObject({
  /** Services to look at. Default: all. */
  services: names.optional(),
});
export type KeptInput = z.infer<typeof keptInput>;

/** More hosts than this are several fleets: the result of a run has to stay below what Temporal takes. */
export const MOST_HOSTS = 5000;

const hosts = z
  .array(z.string().regex(NAME, 'must be a name of at most 63 letters, digits and . _ -'))
  .min(1)
  .max(MOST_HOSTS);

/** How many hosts work at the same time; what can be asked for at most. */
export const MOST_AT_ONCE = 200;
const concurrency = z.number().int().min(1).max(MOST_AT_ONCE);

/** Hosts that one run looks after before it continues as new, so that no history grows with the fleet. */
export const HOSTS_A_RUN = 200;
const hostsARun = z.number().int().min(1).max(500);

/** What `fleetBackup` takes; with no input, every host of the configuration is backed up as it is configured there. */
export const fleetBackupInput = z.strictObject({
  /** Names of hosts: the workers that serve `lifeboat@<name>`. Default: `fleet.hosts` of the configuration. */
  hosts: hosts.optional(),
  /** Hosts that work at the same time. Default: `fleet.concurrency` of the configuration. */
  concurrency: concurrency.optional(),
  /** What the `backup` of every host is given. Default: nothing, so each takes all that it has. */
  backup: backupInput.optional(),
  /** Hosts in one run before it continues as new. Default 200. */
  hostsARun: hostsARun.optional(),
});
export type FleetBackupInput = z.infer<typeof fleetBackupInput>;

/** What `fleetStatus` takes; with no input, every host of the configuration is asked. */
export const fleetStatusInput = z.strictObject({
  hosts: hosts.optional(),
  /** Hosts that are asked at the same time. Default 100. */
  concurrency: concurrency.optional(),
  /** Hosts in one run before it continues as new. Default 200. */
  hostsARun: hostsARun.optional(),
});
export type FleetStatusInput = z.infer<typeof fleetStatusInput>;

/**
 * Check the one JSON object that a workflow was started with; `undefined` and `null` mean no input.
 * @throws {LifeboatError} `InvalidInput`, naming every wrong field and what is accepted.
 */
export function parseInput<T>(workflow: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const accepted = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const problems = parsed.error.issues.map((issue) => {
    const field = issue.path.join('.');
    if (issue.code === 'unrecognized_keys')
      return `unknown field ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    return field ? `"${field}": ${issue.message}` : issue.message;
  });
  throw new LifeboatError(
    'InvalidInput',
    `The input of ${workflow} is not valid: ${problems.join('; ')}. It takes one JSON object${accepted.length > 0 ? ` with ${accepted.join(', ')}` : ' without fields'}; all are optional.`,
  );
}
