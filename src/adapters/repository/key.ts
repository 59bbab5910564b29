import { LifeboatError } from '../../model/failures.ts';
import { repositoryKey } from '../../model/manifest.ts';

/**
 * Refuses a key that could leave the repository or that one of the stores could not hold.
 * @throws {LifeboatError} `InvalidInput`
 */
export function requireKey(key: string, repository: string): void {
  if (repositoryKey.safeParse(key).success) return;
  throw new LifeboatError(
    'InvalidInput',
    `"${key}" can not be a key in the repository "${repository}": it must be relative, and made of words of letters, digits and . _ @ + = - joined by "/".`,
  );
}
