import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { meter } from '../adapters/pipeline/measure.ts';
import { atMost } from '../adapters/pipeline/read-artifact.ts';
import { listSets, lookAtSets, readManifest } from '../adapters/repository/catalog.ts';
import { missingArtifact } from '../adapters/repository/missing-artifact.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import { resolveSet } from '../adapters/repository/resolve-set.ts';
import { policyFor } from '../config/retention.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Artifact } from '../model/manifest.ts';
import { KEYS } from '../model/names.ts';
import { retentionSetOf } from '../model/retention/retention-set.ts';
import { planRetention, type RetentionPolicy } from '../model/retention.ts';
import type { Dependencies } from './dependencies.ts';
import { uploadResumably } from './resumable-upload.ts';
import { type Step, step } from './step.ts';
import { requireRoom } from './store.ts';
import { whenFree } from './when-free.ts';

/** So many sets are copied into a repository at a time, however many runs wait for one that was away. */
const COPIES = 4;

/** So many more wait for their turn; the others come back later, so that copies that pile up take no place from a step that a stopped database waits for. */
const WAITING = 4;

/** When those come back: long enough that thousands of them cost nothing, and short beside a copy. */
const COME_BACK = '1 minute';

/** How many sets one run copies to a target at most; the next run goes on. */
const SETS_A_RUN = 500;

export interface ReplicationTargets {
  from: string;
  to: string[];
}

/** Copies of sets in other repositories. */
export function createReplicationActivities(deps: Dependencies) {
  const copying = new Map<string, ReturnType<typeof whenFree>>();
  return {
    /** Between which repositories to copy; asks none of them. */
    async replicationTargets(input: {
      from?: string | undefined;
      to?: string[] | undefined;
    }): Promise<ReplicationTargets> {
      return await step('plan', async () => {
        const names = deps.config().repositories.map(({ name }) => name);
        const from = deps.repository(input.from ?? names[0] ?? '').name;
        const to = input.to ?? names.filter((name) => name !== from);
        if (to.includes(from)) {
          throw new LifeboatError('InvalidInput', `"to" names "${from}", which the sets are copied from.`);
        }
        return { from, to: [...new Set(to)].map((name) => deps.repository(name).name) };
      });
    },

    /** Which sets a target lacks, oldest first. */
    async missingIn(input: { from: string; to: string; set?: string | undefined }): Promise<string[]> {
      return await step('compare', async ({ signal }) => {
        const source = deps.repository(input.from);
        const present = input.set
          ? [(await resolveSet(source, input.set, signal)).set]
          : (await listSets(source, { signal })).map(({ set }) => set).reverse();
        const target = deps.repository(input.to);
        const copies = await listSets(target, { signal, tombstoned: true });
        const there = new Set(copies.map(({ set }) => set));
        const missing = present.filter((set) => !there.has(set));
        const { retention } = deps.config();
        if (input.set || !retention) return missing.slice(0, SETS_A_RUN);
        const policy = policyFor(retention, target.name);
        const leaving = await leavingAtOnce(source, target, { missing: new Set(missing), policy, signal });
        return missing.filter((set) => !leaving.has(set)).slice(0, SETS_A_RUN);
      });
    },

    /** Copy one set as it is stored: artifacts, each compared with its checksum on the way, and the manifest last. */
    async replicateSet(input: { from: string; to: string; set: string }): Promise<{ bytes: number }> {
      return await step(
        'replicate',
        async (context) => await turnAt(input.to)(context.signal, () => copySet(input, context)),
      );
    },
  };

  /** Those for one that is away do not hold up the others. */
  function turnAt(target: string): ReturnType<typeof whenFree> {
    const turn = copying.get(target) ?? whenFree(COPIES, { waiting: WAITING, failure: () => notYet(target) });
    copying.set(target, turn);
    return turn;
  }

  async function copySet(
    input: { from: string; to: string; set: string },
    context: Step,
  ): Promise<{ bytes: number }> {
    const [source, target] = [deps.repository(input.from), deps.repository(input.to)];
    const manifest = await readManifest(source, input.set, context.signal);
    await target.check(context.signal);
    const total = manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);
    let bytes = 0;
    for (const artifact of manifest.artifacts) {
      const at = bytes;
      await copyArtifact(deps, [source, target], artifact, context, (copied) =>
        context.beat({ step: `copying ${artifact.path}`, bytes: at + copied, total }),
      );
      bytes += artifact.stored.bytes;
    }
    // What was there when the copy began may be gone: a pruner of the target takes what no manifest speaks of.
    const missing = await missingArtifact(target, manifest.artifacts, context.signal);
    if (missing) {
      throw new LifeboatError(
        'RepositoryUnreachable',
        `"${missing.path}" is no longer in the repository "${target.name}" (${target.location}), though it was copied: it is copied again.`,
      );
    }
    await copyManifest(source, target, input.set, context);
    return { bytes };
  }
}

/** Neither an error nor a try that counts: a copy is tried for as long as its activity may take. What it says is shown beside the pending activity. */
const notYet = (target: string): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'RepositoryBusy',
    message: `${COPIES} sets are being copied into the repository "${target}", and others wait: this one asks for its turn again in ${COME_BACK}.`,
    nextRetryDelay: COME_BACK,
  });

/** Of the sets that a target lacks, those that its own retention would let go as soon as they are there: it may just have done so. */
export async function leavingAtOnce(
  source: Repository,
  target: Repository,
  { missing, policy, signal }: { missing: Set<string>; policy: RetentionPolicy; signal: AbortSignal },
): Promise<Set<string>> {
  if (missing.size === 0) return new Set();
  const there = await lookAtSets(target, { signal }, (one) =>
    'manifest' in one ? [retentionSetOf(one.manifest, one)] : [],
  );
  // What was found of them, and whether they are pinned, is known where they are.
  const coming = await lookAtSets(source, { signal }, (one) =>
    'manifest' in one && missing.has(one.set)
      ? [retentionSetOf(one.manifest, { verdicts: [], held: false })]
      : [],
  );
  const { expire } = planRetention([...there, ...coming].flat(), policy, new Date());
  return new Set(expire.map(({ set }) => set.id).filter((set) => missing.has(set)));
}

/**
 * What an earlier attempt, or another run meanwhile, has copied is there whole: a `put` that was cut shows nothing, and is gone on with. A backup
 * copies its own set, and a schedule of `replicate` may find it missing at that moment.
 */
async function copyArtifact(
  deps: Dependencies,
  [source, target]: [Repository, Repository],
  artifact: Artifact,
  context: Step,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const { path, stored } = artifact;
  const isThere = async () => (await target.head(path))?.bytes === stored.bytes;
  if (await isThere()) return;
  await requireRoom(target, stored.bytes);
  const { signal } = context;
  const upload = { repository: target, wanted: path, source: `${stored.sha256}, ${stored.bytes} bytes` };
  try {
    await uploadResumably(deps, context, upload, async ({ resume }) => {
      await pipeline(await source.get(path, { signal }), checked(source, artifact), async (chunks) => {
        const outgoing = Readable.from(chunks, { objectMode: false, highWaterMark: 1024 * 1024 });
        const resuming = resume ? { resume } : {};
        await target.put(path, outgoing, { bytes: stored.bytes, signal, onProgress, ...resuming });
      });
    });
  } catch (error) {
    if (!(error instanceof LifeboatError && error.type === 'KeyExists' && (await isThere()))) throw error;
  }
}

/** A stage that breaks when what has passed is not the artifact. */
function checked(
  source: Repository,
  { path, stored }: Artifact,
): (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  const measured = meter();
  return async function* (chunks: AsyncIterable<Buffer>) {
    yield* measured(
      atMost(chunks, stored.bytes, 'stored bytes', `"${path}" in the repository "${source.name}"`),
    );
    // Within the stream, so that what differs is never put under its key.
    if (measured.result().sha256 !== stored.sha256) {
      throw new LifeboatError(
        'ChecksumMismatch',
        `"${path}" in the repository "${source.name}" (${source.location}) is not what its manifest says: it was damaged there, and is not copied.`,
      );
    }
  };
}

async function copyManifest(
  source: Repository,
  target: Repository,
  set: string,
  { signal }: Step,
): Promise<void> {
  const key = KEYS.manifest(set);
  const found = await source.head(key);
  try {
    await target.put(key, await source.get(key, { signal }), {
      signal,
      ...(found ? { bytes: found.bytes } : {}),
    });
  } catch (error) {
    if (!(error instanceof LifeboatError && error.type === 'KeyExists')) throw error;
  }
}
