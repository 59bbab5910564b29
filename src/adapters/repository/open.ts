import type { RepositoryConfig } from '../../config/config.ts';
import { DirectoryRepository } from './directory.ts';
import { GcsRepository } from './gcs.ts';
import type { Repository } from './repository.ts';
import { S3Repository } from './s3.ts';

/**
 * The repository that a section of the configuration describes. Nothing is contacted yet.
 * @throws {LifeboatError} `InvalidConfiguration` for credentials that can't be read
 */
export function openRepository(config: RepositoryConfig): Repository {
  switch (config.kind) {
    case 'directory':
      return new DirectoryRepository(config);
    case 's3':
      return new S3Repository(config);
    case 'gcs':
      return new GcsRepository(config);
  }
}
