import { z } from 'zod';
import { LifeboatError } from './failures.ts';
import { NAME } from './names.ts';

// The workflow sandbox forbids code made at run time, which zod otherwise uses for speed.
z.config({ jitless: true });

const names = z.array(z.string().min(1)).min(1);

/** What a field means, for the page of all inputs and for whoever reads this. */
const says = (description: string) => ({ description });

const whichSet = z.string().min(1).optional();
const whichRepository = z.string().min(1).optional();
const waits = z
  .boolean()
  .optional()
  .meta(says('Wait for a busy service instead of failing with `ServiceBusy`. Default: false.'));

/** What `backup` takes; with no input, every configured service goes into one set in every repository. */
export const backupInput = z
  .strictObject({
    services: names.optional().meta(says('Services to back up. Default: all.')),
    repositories: names
      .optional()
      .meta(
        says('Repositories to store it in; the first is the primary. Default: all, as they are configured.'),
      ),
    consistent: z
      .boolean()
      .optional()
      .meta(says('Take all captures while nobody can write. Default: as it is configured.')),
    wait: waits,
  })
  .meta(says('Takes a set. With no input, every configured service goes into one set in every repository.'));
export type BackupInput = z.infer<typeof backupInput>;

/** What says something beside `undo`. */
const WITH_UNDO: ReadonlySet<string> = new Set(['undo', 'services', 'collections', 'dryRun', 'wait']);

/** What `restore` takes; with no input, the latest set over all its services, from the primary repository. */
export const restoreInput = z
  .strictObject({
    set: whichSet.meta(
      says(
        "`latest`, `latest verified`, `before <time>`, or a set's id or its unique beginning. Default: `latest`.",
      ),
    ),
    repository: whichRepository.meta(says('From this repository. Default: the primary.')),
    services: names.optional().meta(says('Services to restore. Default: all of the set.')),
    databases: names
      .optional()
      .meta(
        says(
          'Neo4j databases. Default: all of the set but `system`, and none where only `collections` are named.',
        ),
      ),
    collections: names
      .optional()
      .meta(says('Qdrant collections. Default: all of the set, and none where only `databases` are named.')),
    into: z
      .record(z.string(), z.string().min(1))
      .optional()
      .meta(says('Qdrant collections to restore under another name: from → to.')),
    switchAlias: z
      .boolean()
      .optional()
      .meta(says('With `into`: let the aliases of the old collection point to the new one. Default: false.')),
    dryRun: z
      .boolean()
      .optional()
      .meta(says('Check everything and answer the plan, with nothing changed. Default: false.')),
    system: z
      .boolean()
      .optional()
      .meta(says('Restore `system` too: users and passwords become those of the backup. Default: false.')),
    clear: z
      .boolean()
      .optional()
      .meta(says('Empty the data directory first; needs `confirm`. Default: false.')),
    confirm: z.string().optional().meta(says('The name of the service, as a confirmation of `clear`.')),
    stage: z
      .enum(['volume', 'elsewhere'])
      .optional()
      .meta(
        says(
          "Where the new store is prepared: on the service's own `volume`, or `elsewhere` when that has no room for both. Default: `volume`.",
        ),
      ),
    check: z
      .boolean()
      .optional()
      .meta(says('Check the consistency of the new store before anything is stopped. Default: true.')),
    undo: z
      .boolean()
      .optional()
      .meta(
        says(
          'Bring back what the last restore replaced, of the named `services` and `collections` where there are some. Default: false.',
        ),
      ),
    wait: waits,
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
  })
  .meta(
    says(
      'Brings a set back. With no input, the latest set over all its services, from the primary repository.',
    ),
  );
export type RestoreInput = z.infer<typeof restoreInput>;

/** What `verify` takes; with no input, the latest set in the primary repository. */
export const verifyInput = z
  .strictObject({
    set: whichSet.meta(says('As for `restore`. Default: `latest`.')),
    repository: whichRepository.meta(says('In this repository. Default: the primary.')),
  })
  .meta(
    says(
      'Reads every artifact of a set back, compares it with the manifest and walks it, and records the verdict. With no input, of the latest set in the primary repository.',
    ),
  );
export type VerifyInput = z.infer<typeof verifyInput>;

/** What `drill` takes; with no input, the latest set in the primary repository, with all its services. */
export const drillInput = z
  .strictObject({
    set: whichSet.meta(says('As for `restore`. Default: `latest`.')),
    repository: whichRepository.meta(says('From this repository. Default: the primary.')),
    services: names.optional().meta(says('Services to drill. Default: all of the set.')),
  })
  .meta(
    says(
      'Restores a set into sandboxes, compares the data with the manifest, and records the verdict. The live services are never touched. With no input, the latest set in the primary repository.',
    ),
  );
export type DrillInput = z.infer<typeof drillInput>;

/** What `prune` takes; with no input, what retention lets go is deleted in every repository. */
export const pruneInput = z
  .strictObject({
    repository: whichRepository.meta(
      says('Only in this repository. Default: every configured one, one after the other.'),
    ),
    dryRun: z.boolean().optional().meta(says('Answer what would be done, and do nothing. Default: false.')),
  })
  .meta(says('Deletes what retention lets go. With no input, in every repository, without asking.'));
export type PruneInput = z.infer<typeof pruneInput>;

/** What `replicate` takes; with no input, what the other repositories lack of the primary is copied there. */
export const replicateInput = z
  .strictObject({
    set: whichSet.meta(says('Only this set. Default: every complete set of the source that a target lacks.')),
    from: whichRepository.meta(says('From this repository. Default: the primary.')),
    to: names.optional().meta(says('To these repositories. Default: all others.')),
  })
  .meta(
    says(
      'Copies sets to other repositories. With no input, what the others lack of the primary is copied there.',
    ),
  );
export type ReplicateInput = z.infer<typeof replicateInput>;

/** `watchdog` takes nothing. */
export const watchdogInput = z
  .strictObject({})
  .meta(
    says(
      'Starts what Lifeboat stopped and nobody owns any more, and removes what dead runs left. It takes no field.',
    ),
  );
export type WatchdogInput = z.infer<typeof watchdogInput>;

/** What `kept` takes; with no input, all services are looked at. */
export const keptInput = z
  .strictObject({
    services: names.optional().meta(says('Services to look at. Default: all.')),
  })
  .meta(says('Lists what restores have kept. With no input, of all services.'));
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
const MOST_HOSTS_A_RUN = 500;
const hostsARun = z.number().int().min(1).max(MOST_HOSTS_A_RUN);
const HOSTS_A_RUN_TEXT = `Hosts in one run before it continues as new, 1 to ${MOST_HOSTS_A_RUN}. Default: ${HOSTS_A_RUN}.`;

/** What `fleetBackup` takes; with no input, every host of the configuration is backed up as it is configured there. */
export const fleetBackupInput = z
  .strictObject({
    hosts: hosts
      .optional()
      .meta(
        says(
          `Names of hosts, at most ${MOST_HOSTS}: the workers that serve \`lifeboat@<name>\`. Default: \`fleet.hosts\` of the configuration.`,
        ),
      ),
    concurrency: concurrency
      .optional()
      .meta(
        says(
          `Hosts that work at the same time, 1 to ${MOST_AT_ONCE}. Default: \`fleet.concurrency\` of the configuration, which is 10.`,
        ),
      ),
    backup: backupInput
      .optional()
      .meta(
        says('What the `backup` of every host is given. Default: nothing, so each takes all that it has.'),
      ),
    hostsARun: hostsARun.optional().meta(says(HOSTS_A_RUN_TEXT)),
  })
  .meta(
    says('Backs up many hosts. With no input, every host of the configuration, as it is configured there.'),
  );
export type FleetBackupInput = z.infer<typeof fleetBackupInput>;

/** What `fleetStatus` takes; with no input, every host of the configuration is asked. */
export const fleetStatusInput = z
  .strictObject({
    hosts: hosts
      .optional()
      .meta(says('Names of hosts, as for `fleetBackup`. Default: `fleet.hosts` of the configuration.')),
    concurrency: concurrency
      .optional()
      .meta(says(`Hosts that are asked at the same time, 1 to ${MOST_AT_ONCE}. Default: 100.`)),
    hostsARun: hostsARun.optional().meta(says(HOSTS_A_RUN_TEXT)),
  })
  .meta(
    says('Asks many hosts how old their sets are. With no input, every host of the configuration is asked.'),
  );
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
