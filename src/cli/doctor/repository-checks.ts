import prettyBytes from 'pretty-bytes';
import { listSets } from '../../adapters/repository/catalog.ts';
import type { Repository } from '../../adapters/repository/repository.ts';
import type { Config } from '../../config/config.ts';
import { type Check, type Finding, ok, warn } from './check.ts';

/** Less free space than this is told (bytes). */
const LITTLE_SPACE = 5 * 2 ** 30;

/** Every repository: there, writable, with room. */
export function repositoryChecks(config: Config, repositories: Repository[]): Check[] {
  const sameDisk = config.repositories.every(({ kind }) => kind === 'directory');
  return [
    ...repositories.map((repository) => ({
      subject: `repository ${repository.name}`,
      look: () => lookAt(repository),
    })),
    {
      subject: 'repositories',
      look: async () =>
        sameDisk && repositories.length > 0
          ? warn(
              'repositories',
              'all of them are folders of this machine',
              'Add one in S3 or GCS: a lost machine takes its folders along.',
            )
          : [],
    },
  ];
}

async function lookAt(repository: Repository): Promise<Finding[]> {
  const subject = `repository ${repository.name}`;
  await repository.check();
  const sets = await listSets(repository);
  const free = await repository.freeBytes();
  const space = free === null ? '' : `, ${prettyBytes(free)} free`;
  const findings = ok(subject, `${repository.location} is writable, sets ${sets.length}${space}`);
  if (free !== null && free < LITTLE_SPACE) {
    const advice = 'Make room, or let retention expire more: lifeboat prune --dry-run';
    findings.push(...warn(subject, `only ${prettyBytes(free)} are free`, advice));
  }
  return findings;
}
