import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import type { Dependencies } from '../activities/dependencies.ts';
import type { Engine } from '../adapters/docker/engine.ts';
import { openRepository } from '../adapters/repository/open.ts';
import type { Repository } from '../adapters/repository/repository.ts';
import type { Config } from '../config/config.ts';
import { LifeboatError } from '../model/failures.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The version of this program. */
export const VERSION: string = manifest.version;

/** Connect what activities work with. `config` is asked at each use, so that a reload takes effect. */
export function connectDependencies(config: () => Config, client: Client, engine: Engine): Dependencies {
  const opened = new Map<string, { from: unknown; repository: Repository }>();
  return {
    config,
    client,
    engine,
    version: VERSION,
    repository(name) {
      const found = config().repositories.find((one) => one.name === name);
      if (!found) {
        const names = config()
          .repositories.map((one) => one.name)
          .join(', ');
        throw new LifeboatError(
          'InvalidInput',
          `There is no repository "${name}" in the configuration; it has: ${names || 'none'}.`,
        );
      }
      const known = opened.get(name);
      if (known?.from === found) return known.repository;
      const repository = openRepository(found);
      opened.set(name, { from: found, repository });
      return repository;
    },
  };
}
