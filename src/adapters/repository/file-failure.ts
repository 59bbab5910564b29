import { LifeboatError } from '../../model/failures.ts';

/** What a file system error means to a person who runs a directory repository. */
export function fileFailure(error: unknown, repository: string, location: string, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const name = `repository "${repository}" (${location})`;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new LifeboatError(
        'InsufficientSpace',
        `There is no space left in the ${name} for ${doing}: free some, prune old sets, or use a larger disk.`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new LifeboatError(
        doing.startsWith('reading') || doing.startsWith('listing')
          ? 'RepositoryAccessDenied'
          : 'RepositoryNotWritable',
        code === 'EROFS'
          ? `The ${name} is on a read-only file system, so ${doing} failed: mount it read-write.`
          : `The worker's user is not allowed to do this in the ${name}: ${doing}. Give it the permission on the folder.`,
        { cause: error },
      );
    case 'ENOTDIR':
    case 'ELOOP':
      return new LifeboatError(
        'RepositoryAccessDenied',
        `In the ${name} something stands in the way of ${doing}: a symbolic link, a pipe or a device, or a file where a folder belongs. Lifeboat follows no links inside a repository; move it away.`,
        { cause: error },
      );
    case 'EIO':
    case 'ESTALE':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
    case 'ETIMEDOUT':
    case 'ENODEV':
    case 'ENXIO':
    case 'EMFILE':
    case 'ENFILE':
      return new LifeboatError(
        'RepositoryUnreachable',
        `The disk or mount of the ${name} failed during ${doing} (${code}): see the kernel's log of this machine.`,
        { cause: error },
      );
    default:
      return error;
  }
}

/** Whether an error of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}
