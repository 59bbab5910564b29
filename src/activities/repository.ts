import { commitManifest } from '../adapters/repository/catalog.ts';
import { missingArtifact } from '../adapters/repository/missing-artifact.ts';
import { LifeboatError } from '../model/failures.ts';
import type { Manifest } from '../model/manifest.ts';
import { KEYS } from '../model/names.ts';
import { readersOf, type StoredArtifact } from '../model/stored-artifact.ts';
import type { Dependencies } from './dependencies.ts';
import { step } from './step.ts';
import { readersBy, requireRoom } from './store.ts';

/** What the workflow knows of a set at its end; the activity adds what only the worker knows. */
export type ManifestDraft = Omit<
  Manifest,
  'kind' | 'format' | 'completedAt' | 'lifeboat' | 'encryption' | 'artifacts'
> & { artifacts: StoredArtifact[] };

/** What a run works with, by name; no secrets. */
export interface RunPlan {
  services: { name: string; kind: 'neo4j' | 'qdrant' }[];
  /** The first one is the primary. */
  repositories: string[];
  consistent: boolean;
  quiesce: boolean;
}

/** Repositories and sets. */
export function createRepositoryActivities(deps: Dependencies) {
  return {
    /** Turn names into a plan; unknown ones are refused with those that there are. */
    async planRun(input: {
      services?: string[] | undefined;
      repositories?: string[] | undefined;
      consistent?: boolean | undefined;
      /** Also see whether the primary repository takes sets, and fail when it does not. */
      check?: boolean;
    }): Promise<RunPlan> {
      return await step('plan', async ({ signal }) => {
        const config = deps.config();
        const services = pick('service', config.services, input.services);
        if (services.length === 0) {
          throw new LifeboatError(
            'InvalidConfiguration',
            'No service is configured: name one under "services" in lifeboat.yaml or label its container lifeboat.enable=true.',
          );
        }
        const repositories = pick('repository', config.repositories, input.repositories).map(
          ({ name }) => name,
        );
        if (input.check && repositories[0]) await deps.repository(repositories[0]).check(signal);
        return {
          services: services.map(({ name, kind }) => ({ name, kind })),
          repositories,
          consistent: input.consistent ?? config.consistent,
          quiesce: config.quiesce.length > 0,
        };
      });
    },

    /** Fail early when a repository can't take a set of about this size. */
    async checkRepository(input: { repository: string; bytes: number }): Promise<void> {
      await step('check', async (context) => {
        const repository = deps.repository(input.repository);
        await repository.check(context.signal);
        await requireRoom(repository, input.bytes);
      });
    },

    /** Write the manifest: from here on the set exists. A retry that finds its own manifest has nothing to do. */
    async commitSet(input: { repository: string; draft: ManifestDraft }): Promise<{ key: string }> {
      return await step('commit', async (context) => {
        const { encryption } = deps.config();
        const repository = deps.repository(input.repository);
        const { artifacts } = input.draft;
        const missing = await missingArtifact(repository, artifacts, context.signal);
        if (missing) {
          throw new LifeboatError(
            'KeyNotFound',
            `"${missing.path}" is no longer in the repository "${repository.name}" (${repository.location}) as it was stored, so the set ${input.draft.set} is not whole and is not committed: somebody deleted it, or the run took longer than prune waits for one (eight days). Take the backup again.`,
          );
        }
        const manifest: Manifest = {
          kind: 'lifeboat/backup-set',
          format: 1,
          ...input.draft,
          completedAt: new Date().toISOString(),
          lifeboat: deps.version,
          encryption: readersOf(artifacts, encryption ? readersBy(encryption) : null),
          artifacts: artifacts.map(({ readers: _, ...artifact }) => artifact),
        };
        try {
          await commitManifest(repository, manifest, context.signal);
        } catch (error) {
          // The set's id was made for this run alone, so a manifest of that name is this run's own.
          if (!(error instanceof LifeboatError && error.type === 'KeyExists')) throw error;
        }
        return { key: KEYS.manifest(manifest.set) };
      });
    },
  };
}

/**
 * Those that were named, each once, or all.
 * @throws {LifeboatError} `InvalidInput`, naming those that there are.
 */
export function pick<T extends { name: string }>(
  what: 'service' | 'repository',
  all: T[],
  wanted: string[] | undefined,
): T[] {
  if (!wanted) return all;
  return [...new Set(wanted)].map((name) => {
    const found = all.find((one) => one.name === name);
    if (found) return found;
    const plural = what === 'service' ? 'services' : 'repositories';
    throw new LifeboatError(
      'InvalidInput',
      `"${plural}" names "${name}", and there is no such ${what} in the configuration; it has: ${all.map((one) => one.name).join(', ') || 'none'}.`,
    );
  });
}
