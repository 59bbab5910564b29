import type { KeepRules, RetentionPolicy } from '../model/retention/policy.ts';
import type { Retention } from './config.ts';
import type { RetentionInput } from './retention-schema.ts';

type RepositoryRules = Retention['repositories'][string];
type RulesInput = NonNullable<RetentionInput['repositories']>[string];

/** The file's `retention` → policies. */
export function buildRetention(file: RetentionInput): Retention {
  const { timezone, services, repositories, minimum, ...general } = file;
  return {
    policy: {
      ...rules(general),
      timezone,
      minimum: minimum ?? 1,
      ...(services && { services: mapValues(services, rules) }),
    },
    repositories: mapValues(repositories ?? {}, rules),
  };
}

/** The policy that holds in one repository: its own rules in place of the general ones, where it has any. */
export function policyFor(retention: Retention, repository: string): RetentionPolicy {
  const own = Object.hasOwn(retention.repositories, repository) && retention.repositories[repository];
  if (!own) return retention.policy;
  const { timezone, minimum } = retention.policy;
  return { timezone, minimum, ...own };
}

function rules(input: RulesInput): RepositoryRules & KeepRules {
  const { maxTotalSize, ...rest } = input;
  const set = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { ...set, ...(maxTotalSize !== undefined && { maxTotalBytes: maxTotalSize }) };
}

const mapValues = <A, B>(map: Record<string, A>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
