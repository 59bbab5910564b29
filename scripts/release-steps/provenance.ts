import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Package } from '../supply-chain-steps/packages.ts';
import type { Source } from './source.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';
/** How a release is made: by `scripts/release`; the number is raised when its parameters change. */
const BUILD_TYPE = 'urn:lifeboat:scripts/release:1';

// What becomes part of a path, or of a question to git, is nothing else.
const FILE_NAME = z.string().regex(/^\w[\w.+-]*$/);
const COMMIT = z.string().regex(/^[0-9a-f]{40,64}$/);

const DIGEST = z.record(z.string(), z.string());

const STATEMENT = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({ name: z.string(), digest: DIGEST })).min(1),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    buildDefinition: z.object({
      buildType: z.literal(BUILD_TYPE),
      externalParameters: z.object({ commit: COMMIT, name: FILE_NAME, version: FILE_NAME }),
      internalParameters: z.object({ advisoriesAsked: z.boolean() }),
      resolvedDependencies: z.array(
        z.object({ name: z.string().optional(), uri: z.string().optional(), digest: DIGEST.optional() }),
      ),
    }),
    runDetails: z.object({
      builder: z.object({ id: z.string(), version: DIGEST }),
      metadata: z.object({ startedOn: z.iso.datetime(), finishedOn: z.iso.datetime() }),
    }),
  }),
});

/** Where files come from: an in-toto statement with SLSA's provenance as its predicate. */
export type Statement = z.infer<typeof STATEMENT>;

/** @throws {Error} that names the fields that are wrong. */
export function readStatement(text: string): Statement {
  const { success, data, error } = STATEMENT.safeParse(JSON.parse(text));
  if (!success) throw new Error(`The provenance is no statement of this kind:\n${z.prettifyError(error)}`);
  return data;
}

export const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** What a release is made from: the commit, and every package with the digest that package-lock.json pins. */
export function materialsOf(
  commit: string,
  packages: readonly Package[],
): Statement['predicate']['buildDefinition']['resolvedDependencies'] {
  const pinned = packages.map(({ name, version, integrity }) => {
    const [algorithm, value] = integrity?.split(' ')[0]?.split(/-(.*)/s) ?? [];
    const digest = algorithm && value && { [algorithm]: Buffer.from(value, 'base64').toString('hex') };
    return {
      uri: `pkg:npm/${encodeURIComponent(name).replace('%2F', '/')}@${version}`,
      ...(digest && { digest }),
    };
  });
  const unique = new Map(pinned.map((one) => [one.uri, one]));
  return [{ name: 'source', digest: { gitCommit: commit } }, ...unique.values()];
}

/** @param files what is released, by name. */
export function statementOf(
  { commit, name, version }: Source,
  files: ReadonlyMap<string, Buffer>,
  packages: readonly Package[],
  run: { startedOn: Date; advisoriesAsked: boolean },
): Statement {
  return {
    _type: STATEMENT_TYPE,
    subject: [...files].map(([file, data]) => ({ name: file, digest: { sha256: sha256(data) } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { commit, name, version },
        internalParameters: { advisoriesAsked: run.advisoriesAsked },
        resolvedDependencies: materialsOf(commit, packages),
      },
      runDetails: {
        // Whoever ran the script: nothing is known of the machine, and nothing of it is told.
        builder: { id: 'urn:lifeboat:a-person', version: { node: process.version } },
        metadata: { startedOn: run.startedOn.toISOString(), finishedOn: new Date().toISOString() },
      },
    },
  };
}
