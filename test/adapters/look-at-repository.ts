import { lookAtSets, problemOf } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { watchCatalog } from '../../src/status/catalog-watch.ts';

// Run as a process of its own with little memory: lists a repository as the commands do, then as the status page does.
if (process.send) {
  const repository = new DirectoryRepository({
    kind: 'directory',
    name: 'local',
    path: process.argv[2] ?? '',
  });
  const problems = await lookAtSets(repository, {}, problemOf);
  const catalog = watchCatalog(() => [repository]);
  await catalog.refresh();
  const [view] = catalog.current();
  process.send({
    problems,
    unreadable: view?.unreadable.length,
    error: view?.error,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
  process.disconnect();
}
