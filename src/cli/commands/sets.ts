import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import prettyBytes from 'pretty-bytes';
import prettyMilliseconds from 'pretty-ms';
import { lookAtSets, type SetDetails } from '../../adapters/repository/catalog.ts';
import type { Repository } from '../../adapters/repository/repository.ts';
import { resolveSet } from '../../adapters/repository/resolve-set.ts';
import { releaseHold, writeHold } from '../../adapters/repository/set-marks.ts';
import { LifeboatError } from '../../model/failures.ts';
import type { Manifest, Neo4jRecord } from '../../model/manifest.ts';
import { KEYS } from '../../model/names.ts';
import { deciding } from '../../model/verdicts.ts';
import { confirmed, runs } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { table } from '../terminal.ts';
import { listKept } from './kept.ts';

/** One set in a listing, as JSON. */
interface ListedSet {
  set: string;
  repository: string;
  createdAt: string | null;
  state: string;
  services: string[];
  bytes: number;
  consistent: boolean | null;
  /** The verdict that counts and its kind, such as `drill ok`: not always the newest. */
  verdict: string | null;
  held: boolean;
  problem?: string;
}

/** `list` and `show` read the repositories themselves: they work without Temporal, and where its data is lost. */
export function addSetCommands(program: Command): void {
  const kept = new Option('--kept', 'instead, list what restores have kept of the state before them');
  kept.conflicts(['repository', 'limit']);
  const list = program
    .command('list')
    .alias('ls')
    .description('list the sets of a repository, newest first')
    .option('-r, --repository <name>', 'of this repository, or "all" (default: the primary)')
    .option('-n, --limit <count>', 'only so many of each repository', positive)
    .addOption(kept);
  runs(list, async (context, options: { repository?: string; limit?: number; kept?: boolean }) => {
    if (options.kept) return await listKept(context);
    const { session, terminal } = context;
    const repositories = await session.repositories(options.repository);
    const limit = options.limit === undefined ? {} : { limit: options.limit };
    const listed = await Promise.all(
      repositories.map((repository) =>
        lookAtSets(repository, limit, (details) => listedSet(repository.name, details)),
      ),
    );
    terminal.result({ sets: listed.flat() }, () => listText(listed.flat(), repositories));
    terminal.note('What restores have kept of the state before them: lifeboat list --kept');
    return EXIT.ok;
  });

  const show = program
    .command('show')
    .argument('[set]', 'id, beginning of an id, latest, "latest verified", "before <time>"', 'latest')
    .description('show what a set holds')
    .option('-r, --repository <name>', 'in this repository (default: the primary)');
  runs(show, async ({ session, terminal }, options: { repository?: string }, selector: string) => {
    const [repository, ...more] = await session.repositories(options.repository);
    if (more.length > 0)
      throw new LifeboatError('InvalidInput', '--repository takes one repository here, and not "all".');
    const details = await resolveSet(repository as Repository, selector);
    if ('problem' in details) throw details.problem;
    const { manifest, held, verdicts } = details;
    terminal.result({ repository: repository?.name, manifest, held, verdicts }, () =>
      showText(manifest, details, repository as Repository),
    );
    return EXIT.ok;
  });

  addHoldCommand(program);
}

function addHoldCommand(program: Command): void {
  const hold = program
    .command('hold')
    .argument('<set>', 'id, beginning of an id, latest, …')
    .description('pin a set: retention leaves it alone until it is released')
    .option('-r, --repository <name>', 'in this repository (default: every one that has it)', 'all')
    .option('--reason <text>', 'why, for whoever looks later', '')
    .option('--release', 'take the pin back')
    .option('-y, --yes', 'do not ask');
  runs(
    hold,
    async (context, options: { repository: string; reason: string; release?: boolean }, selector: string) => {
      const { session, terminal } = context;
      const found: { repository: Repository; set: string }[] = [];
      let missing: unknown;
      for (const repository of await session.repositories(options.repository)) {
        try {
          found.push({ repository, set: (await resolveSet(repository, selector)).set });
        } catch (error) {
          if (!(error instanceof LifeboatError && error.type === 'SetNotFound')) throw error;
          missing ??= error;
        }
      }
      if (found.length === 0) throw missing;
      const [first] = found;
      if (found.some(({ set }) => set !== first?.set)) {
        const named = found.map(({ repository, set }) => `${set} in ${repository.name}`).join(', ');
        throw new LifeboatError(
          'InvalidInput',
          `"${selector}" is not the same set everywhere: ${named}. Give an id.`,
        );
      }
      if (options.release) {
        await confirmed(
          context,
          `Retention may delete the set ${first?.set} once its pin is taken back. Go on?`,
        );
      }
      const entry = { time: new Date(), by: userInfo().username, reason: options.reason };
      for (const { repository, set } of found) {
        await (options.release ? releaseHold : writeHold)(repository, set, entry);
        // A pruner looks for a pin after its tombstone, so one of the two sees the other.
        if (options.release || !(await repository.head(KEYS.tombstone(set)))) continue;
        throw new LifeboatError(
          'SetExpired',
          `The set ${set} is being pruned from the repository "${repository.name}": what is still there of it may not be all. See whether it stays: lifeboat list.`,
        );
      }
      const repositories = found.map(({ repository }) => repository.name);
      terminal.result({ set: first?.set, held: !options.release, repositories }, () => {
        const what = options.release ? 'is no longer held' : 'is held';
        return `Set ${first?.set} ${what} in ${repositories.join(', ')}.`;
      });
      return EXIT.ok;
    },
  );
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function listedSet(repository: string, details: SetDetails): ListedSet {
  const { set, held } = details;
  const counts = deciding(details.verdicts);
  const verdict = counts ? `${counts.kind} ${counts.verdict}` : null;
  if ('problem' in details) {
    const { message } = details.problem;
    const empty = { createdAt: null, services: [], bytes: 0, consistent: null };
    return { set, repository, ...empty, state: 'unreadable', verdict, held, problem: message };
  }
  const { createdAt, state, services, consistent } = details.manifest;
  const names = services.map(({ name }) => name);
  return {
    set,
    repository,
    createdAt,
    state,
    services: names,
    bytes: bytesOf(details.manifest),
    consistent,
    verdict,
    held,
  };
}

/** Stored bytes of all artifacts. */
export const bytesOf = (manifest: Manifest): number =>
  manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);

/** `3h ago`, for people. */
export function ago(time: string, now: number = Date.now()): string {
  const past = now - Date.parse(time);
  if (past < 0) return 'in the future';
  return `${prettyMilliseconds(Math.max(1000, past), { compact: true })} ago`;
}

function listText(sets: ListedSet[], repositories: Repository[]): string {
  const where = repositories.map(({ name, location }) => `${name} (${location})`).join(', ');
  if (sets.length === 0) return `No set is in ${where}. Make the first one with: lifeboat backup`;
  const several = repositories.length > 1;
  return table(
    ['SET', ...(several ? ['REPOSITORY'] : []), 'AGE', 'STATE', 'SERVICES', 'SIZE', 'VERIFIED', ''],
    sets.map((one) => [
      one.set,
      ...(several ? [one.repository] : []),
      one.createdAt === null ? '' : ago(one.createdAt),
      one.state,
      one.services.join(','),
      prettyBytes(one.bytes),
      one.verdict ?? '-',
      [one.held ? 'held' : '', one.problem ?? ''].filter(Boolean).join(' '),
    ]),
  );
}

function showText(manifest: Manifest, { held, verdicts }: SetDetails, repository: Repository): string {
  const counts = deciding(verdicts);
  const facts: [string, string][] = [
    ['Set', manifest.set],
    ['Repository', `${repository.name} (${repository.location})`],
    ['Created', `${manifest.createdAt} (${ago(manifest.createdAt)})`],
    ['State', manifest.state],
    ['Consistent', manifest.consistent ? 'yes' : 'no'],
    [
      'Skew',
      manifest.skewSeconds === null
        ? '-'
        : `${manifest.skewSeconds} s between the first and the last capture`,
    ],
    ['Encrypted', manifest.encryption === null ? 'no' : 'age'],
    ['Size', prettyBytes(bytesOf(manifest))],
    ['Verified', counts ? `${counts.kind} ${counts.verdict} at ${counts.time}` : 'never'],
    ['Held', held ? 'yes' : 'no'],
    ['Run', `${manifest.run.workflowId} with Lifeboat ${manifest.lifeboat}`],
  ];
  return [
    ...facts.map(([name, value]) => `${name.padEnd(11)} ${value}`),
    '',
    table(
      ['SERVICE', 'KIND', 'VERSION', 'AWAY'],
      manifest.services.map((one) => [
        one.name,
        one.kind,
        one.version,
        one.kind === 'neo4j' ? awayFor(one) : '-',
      ]),
    ),
    '',
    table(
      ['ARTIFACT', 'HOLDS', 'STORED', 'CONTENT'],
      manifest.artifacts.map((one) => [
        one.path,
        `${one.kind} ${one.name}${one.node === undefined ? '' : ` of ${one.node}`}`,
        prettyBytes(one.stored.bytes),
        prettyBytes(one.content.bytes),
      ]),
    ),
    ...manifest.failures.map(({ service, type, message }) => `\n${service} is missing (${type}): ${message}`),
  ].join('\n');
}

/** How its users noticed the backup, and the mode that it was taken by. */
function awayFor({ mode, offlineSeconds, frozenSeconds, fallbacks }: Neo4jRecord): string {
  const waited = frozenSeconds ? `, frozen ${frozenSeconds} s` : '';
  const instead = fallbacks ? ` instead of ${fallbacks.map((one) => one.mode).join(' and ')}` : '';
  return `${offlineSeconds} s${waited} (${mode}${instead})`;
}
