/** The task queue that every worker serves unless it is told another. */
export const TASK_QUEUE = 'lifeboat';

/** Hosts with workers of their own serve queues of their own, and their services may have the same names. */
const within = (taskQueue: string): string => (taskQueue === TASK_QUEUE ? '' : `${taskQueue}/`);

/** A name that becomes part of keys, workflow ids, task queues and volume names. */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/;

/** The task queue that the worker of one host of a fleet serves: `lifeboat@web-1`. */
export const hostQueue = (host: string): string => `${TASK_QUEUE}@${host}`;

/** The id of a host's backup in a run of the fleet. `run`: a word for that run, made like the id of a set. */
export const hostBackupId = (host: string, run: string): string => `backup/${within(hostQueue(host))}${run}`;

/** The id of a service's critical section: the fixed id is the lock. */
export const criticalSectionId = (service: string, taskQueue: string): string =>
  `offline/${within(taskQueue)}${service}`;

/** Stands in ids where services have their names, so that no service can be named so. */
const APPLICATION = 'application';

/** The id under which only one run at a time pauses the application. */
export const applicationPauseId = (taskQueue: string): string => `offline/${within(taskQueue)}${APPLICATION}`;

/** Why no service can have this name; undefined for a name that is free. */
export const whyReserved = (name: string): string | undefined =>
  name === APPLICATION
    ? `no service can be named "${APPLICATION}", which is the name of the pause of the application's containers ("quiesce"): give it another name`
    : undefined;

/** The id under which only one pruner per repository can run. */
export const prunerId = (repository: string, taskQueue: string): string =>
  `prune/${within(taskQueue)}${repository}`;

/** How the ids of a schedule's runs begin; Temporal adds the time of the start, which two installations may share. */
export const scheduledRunId = (workflow: string, schedule: string, taskQueue: string): string =>
  `${workflow}/${within(taskQueue)}${schedule}`;

/** Labels on everything that Lifeboat makes in a Docker engine; nothing without them is ever removed. */
export const LABELS = {
  /** On every container and volume of Lifeboat's: what it is for. */
  role: 'lifeboat.role',
  /** Whose it is: the task queue of the installation that made it. */
  installation: 'lifeboat.installation',
  service: 'lifeboat.service',
  set: 'lifeboat.set',
  /** The workflow that made it, and whose end makes it an orphan. */
  workflow: 'lifeboat.workflow',
  run: 'lifeboat.run',
  /** On helpers that work inside a window, and so must be gone before the service starts. */
  window: 'lifeboat.window',
  /** On the record of a stop or pause: the container, how it was found and what was done to it. */
  container: 'lifeboat.container',
} as const;

/** What a container or volume of Lifeboat's is for. */
export type Role = 'staging' | 'helper' | 'interruption' | 'sandbox' | 'debt' | 'kept' | 'chain';

/**
 * The id of a backup set: the time of its beginning in UTC, so that ids sort by age, and a random word.
 * @param random at least 6 characters, for example of a uuid.
 */
export function setId(startedAt: Date, random: string): string {
  const stamp = startedAt.toISOString().slice(0, 19).replaceAll(':', '').replaceAll('-', '');
  return `${stamp}Z-${random.replaceAll('-', '').slice(0, 6)}`;
}

/** A word that can stand in a key, a volume name or a container name; other characters become `-`. */
export function word(text: string): string {
  const cleaned = text.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+/, '');
  return cleaned === '' ? 'x' : cleaned;
}

/** How the collections of restore drills begin; nobody else's do, and no backup takes them. */
export const DRILL_COLLECTION = 'lifeboat-drill-';

/** A run in a name: the end of its id, whose beginning is a time that runs of the same minute share. */
export const ofRun = (runId: string): string => runId.slice(-12);

/** The name of the volume of one service in one run: fixed, so that a retry finds it. */
export const stagingName = (run: string, service: string): string =>
  `lifeboat-staging-${word(run)}-${word(service)}`;

/**
 * Where things are in a repository. Every key is written once; nothing is ever overwritten.
 *
 * ```
 * lifeboat.json                               what this folder is
 * manifests/<set>.json                        the commit point of a set
 * sets/<set>/<service>/<artifact>             its artifacts
 * verdicts/<set>/<time>.<kind>.<verdict>.json what verify and drill found
 * holds/<set>/<time>.<hold|release>.json      pins
 * tombstones/<set>.json                       the decision to prune it
 * ```
 */
export const KEYS = {
  descriptor: 'lifeboat.json',
  manifests: 'manifests/',
  manifest: (set: string) => `manifests/${set}.json`,
  sets: 'sets/',
  set: (set: string) => `sets/${set}/`,
  artifact: (set: string, service: string, file: string) => `sets/${set}/${service}/${file}`,
  verdicts: 'verdicts/',
  verdict: (set: string, time: string, kind: string, verdict: string) =>
    `verdicts/${set}/${time.replace(/[:.]/g, '-')}.${kind}.${verdict}.json`,
  holds: 'holds/',
  hold: (set: string, time: string, what: 'hold' | 'release') =>
    `holds/${set}/${time.replace(/[:.]/g, '-')}.${what}.json`,
  tombstones: 'tombstones/',
  tombstone: (set: string) => `tombstones/${set}.json`,
} as const;

/** All of Lifeboat's folders in a repository. */
export const FOLDERS = [KEYS.manifests, KEYS.sets, KEYS.verdicts, KEYS.holds, KEYS.tombstones];
