import { type Verification, verifyArtifact } from '../adapters/pipeline/verify-artifact.ts';
import { readManifest } from '../adapters/repository/catalog.ts';
import { resolveSet } from '../adapters/repository/resolve-set.ts';
import { LifeboatError } from '../model/failures.ts';
import { KEYS } from '../model/names.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';

/** What was found of one artifact. */
export interface VerifiedArtifact {
  path: string;
  bytes: number;
  /** `content`: decrypted, unpacked and walked; `stored`: encrypted, and nobody here may read it. */
  depth: Verification['depth'];
}

/** Reading sets back. */
export function createVerifyActivities(deps: Dependencies) {
  return {
    /** Which set is meant, and how many artifacts it has. */
    async chooseSet(input: {
      set?: string | undefined;
      repository?: string | undefined;
    }): Promise<{ set: string; repository: string; artifacts: number; bytes: number }> {
      return await step('choose', async ({ signal }) => {
        const repository = deps.repository(input.repository ?? deps.config().repositories[0]?.name ?? '');
        const found = await resolveSet(repository, input.set ?? 'latest', signal);
        if ('problem' in found) throw found.problem;
        const { artifacts } = found.manifest;
        const bytes = artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);
        return { set: found.set, repository: repository.name, artifacts: artifacts.length, bytes };
      });
    },

    /** Read one artifact back, named by its place in the manifest or its path, compare its checksums and walk it. */
    async verifyArtifact(input: {
      repository: string;
      set: string;
      artifact: number | string;
    }): Promise<VerifiedArtifact> {
      return await step('verify', async (context) => {
        const repository = deps.repository(input.repository);
        const { artifacts } = await readManifest(repository, input.set, context.signal);
        const { artifact: wanted } = input;
        const artifact = artifacts.find((one, index) => one.path === wanted || index === wanted);
        if (!artifact) throw new Error(`The set ${input.set} has no artifact ${wanted}.`);
        const { encryption } = deps.config();
        const verifying = verifyArtifact({
          repository,
          artifact,
          ...(encryption && encryption.identities.length > 0 ? { identities: encryption.identities } : {}),
          ...(encryption?.passphrase ? { passphrase: encryption.passphrase } : {}),
          signal: context.signal,
          onProgress: (bytes) =>
            context.beat({ step: `verifying ${artifact.path}`, bytes, total: artifact.content.bytes }),
        });
        const { depth } = await verifying.catch(async (error: unknown) => {
          if (!(error instanceof LifeboatError) || error.type !== 'KeyNotFound') throw error;
          // What is missing of a set that is being pruned is no damage.
          if (!(await repository.head(KEYS.tombstone(input.set)))) throw error;
          throw new LifeboatError(
            'SetExpired',
            `The set ${input.set} was pruned from the repository "${repository.name}" while it was read.`,
            { cause: error },
          );
        });
        return { path: artifact.path, bytes: artifact.stored.bytes, depth };
      });
    },
  };
}
