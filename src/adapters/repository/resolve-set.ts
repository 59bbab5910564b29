import { DateTime } from 'luxon';
import { LifeboatError } from '../../model/failures.ts';
import { isAhead } from '../../model/set-time.ts';
import { foundOf } from '../../model/verdicts.ts';
import { listSets, readManifest, type SetDetails, type SetEntry, setsNewestFirst } from './catalog.ts';
import type { Repository } from './repository.ts';

/**
 * Find the set that somebody means: its id or the beginning of one, `latest`, `latest verified`, or `before <time>` (ISO 8601; UTC
 * unless it says otherwise). The last three only ever answer a complete set that was not given up for removal; a set that is
 * dated in the future is no latest one.
 * @throws {LifeboatError} `SetNotFound`, which lists what there is; `InvalidInput` for a time that is none
 */
export async function resolveSet(
  repository: Repository,
  selector: string,
  signal?: AbortSignal,
): Promise<SetDetails> {
  const wanted = selector.trim().replace(/\s+/g, ' ');
  const options = signal ? { signal } : {};
  if (wanted === 'latest') return await newest(repository, wanted, () => true, options);
  if (wanted === 'latest verified') return await newest(repository, wanted, isVerified, options);
  const before = /^before (.+)$/.exec(wanted)?.[1];
  if (before !== undefined) {
    const time = DateTime.fromISO(before.replace(' ', 'T'), { zone: 'utc' });
    if (!time.isValid) {
      throw new LifeboatError(
        'InvalidInput',
        `"${before}" is not a time: write it like 2026-11-23T04:00:00Z or 2026-11-23T05:00+01:00.`,
      );
    }
    const isOlder = (details: SetDetails) =>
      'manifest' in details && DateTime.fromISO(details.manifest.createdAt) < time;
    return await newest(repository, wanted, isOlder, options);
  }
  const entries = await listSets(repository, options);
  const exact = entries.find(({ set }) => set === wanted);
  const matches = exact ? [exact] : entries.filter(({ set }) => wanted !== '' && set.startsWith(wanted));
  const [only] = matches;
  if (matches.length === 1 && only) {
    return { ...only, manifest: await readManifest(repository, only.set, signal) };
  }
  const given = await listSets(repository, { ...options, tombstoned: true });
  if (given.some(({ set, tombstoned }) => tombstoned && set === wanted)) {
    throw new LifeboatError(
      'SetNotFound',
      `The set ${wanted} is being pruned from the repository "${repository.name}" (${repository.location}), so its data may be gone in part. ${present(entries)}`,
    );
  }
  throw new LifeboatError(
    'SetNotFound',
    matches.length > 1
      ? `"${wanted}" is the beginning of ${matches.length} sets in the repository "${repository.name}": ${named(matches)}. Give more of the id.`
      : `No set "${wanted}" is in the repository "${repository.name}" (${repository.location}). ${present(entries)}`,
  );
}

/** Whether a set was found good, by `verify` or by a drill, and no failure stands against it. */
export const isVerified = ({ verdicts }: SetEntry): boolean => foundOf(verdicts) === 'passed';

async function newest(
  repository: Repository,
  wanted: string,
  fits: (details: SetDetails) => boolean,
  options: { signal?: AbortSignal },
): Promise<SetDetails> {
  let ahead = '';
  for await (const details of setsNewestFirst(repository, options)) {
    if (!('manifest' in details) || details.manifest.state !== 'complete' || !fits(details)) continue;
    if (wanted.startsWith('before ') || !isAhead(details.manifest.createdAt, Date.now())) return details;
    ahead = ` The set ${details.set} is dated in the future, so it is taken only by its id.`;
  }
  throw new LifeboatError(
    'SetNotFound',
    `No complete set is "${wanted}" in the repository "${repository.name}" (${repository.location}). ${present(await listSets(repository, options))}${ahead}`,
  );
}

const present = (entries: SetEntry[]): string =>
  entries.length === 0 ? 'It holds no sets.' : `It holds ${entries.length}: ${named(entries)}.`;

const named = (entries: SetEntry[]): string =>
  entries
    .slice(0, 10)
    .map(({ set }) => set)
    .join(', ') + (entries.length > 10 ? ', …' : '');
