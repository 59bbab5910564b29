import type { RepositoryConfig } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { DirectoryRepository } from './directory.ts';
import type { Repository } from './repository.ts';

/** The repository that a section of the configuration describes. Nothing is contacted yet. */
export function openRepository(config: RepositoryConfig): Repository {
  switch (config.kind) {
    case 'directory':
      return new DirectoryRepository(config);
    default:
      throw new LifeboatError('Unsupported', `Repositories of the kind "${config.kind}" are not built in.`);
  }
}
