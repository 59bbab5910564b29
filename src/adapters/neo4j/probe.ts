import { LifeboatError } from '../../model/failures.ts';
import { LABELS, ofRun } from '../../model/names.ts';
import { ownerOf } from '../docker/archive.ts';
import type { Container } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { type HelperRun, runHelper } from '../docker/helper.ts';
import { type StoreLayout, storeLayout } from './layout.ts';
import { type Neo4jVersion, parseVersion } from './version.ts';

/** What is found by looking, with nothing stopped. */
export interface Neo4jProbe {
  layout: StoreLayout;
  version: Neo4jVersion;
  /** Who owns the store: helpers work as this user, so that nothing changes hands. */
  owner: { uid: number; gid: number };
  /** Store and transaction logs of each database, in bytes on disk. */
  databases: Record<string, number>;
  /** Free on the volume of the data directory (bytes). */
  freeBytes: number;
}

/**
 * Everything is printed in one go, so that one helper a plan is enough. Sizes are in KiB. The version is in the name of a jar, which
 * saves the start of a JVM for a question; where it is not, the tool itself is asked.
 */
const SCRIPT = `
command -v neo4j-admin >/dev/null 2>&1 || { echo "lifeboat:no-admin"; exit 0; }
version=$(ls "\${NEO4J_HOME:-/var/lib/neo4j}"/lib/neo4j-kernel-[0-9]*.jar 2>/dev/null)
case $version in *.jar*.jar | "") version=$(neo4j-admin --version 2>/dev/null | tail -n 1) ;; *) version=\${version##*/neo4j-kernel-} ;; esac
echo "lifeboat:version \${version%.jar}"
cd "$LIFEBOAT_DATA" 2>/dev/null || { echo "lifeboat:no-data"; exit 0; }
for d in databases/*/; do
  name=$(basename "$d")
  [ -e "databases/$name/neostore" ] || [ -e "databases/$name/database_lock" ] || continue
  size=$(du -sk "databases/$name" 2>/dev/null | cut -f1)
  logs=$(du -sk "transactions/$name" 2>/dev/null | cut -f1)
  echo "lifeboat:database $name \${size:-0} \${logs:-0}"
done
echo "lifeboat:free $(df -Pk . | tail -n 1 | tr -s ' ' | cut -d' ' -f4)"
`;

/**
 * Look at a Neo4j container without touching it: a helper of its own image, without network, reads its volumes.
 * @throws {LifeboatError} `NotNeo4j`, `Neo4jAdminMissing`, `DataNotOnVolume` or `Unsupported` (a container that removes itself).
 */
export async function probeNeo4j(
  engine: Engine,
  service: string,
  container: Container,
  runId: string,
  options: HelperRun = {},
): Promise<Neo4jProbe> {
  if (container.autoRemove) {
    throw new LifeboatError(
      'Unsupported',
      `The container "${container.name}" removes itself when it stops (--rm), so it could not be started again: run it without --rm.`,
    );
  }
  const isNeo4j = 'NEO4J_HOME' in container.env || /neo4j/i.test(container.image);
  if (!isNeo4j) {
    throw new LifeboatError(
      'NotNeo4j',
      `The container "${container.name}" (image ${container.image}) does not run Neo4j: correct the "container" of service "${service}".`,
    );
  }
  const layout = storeLayout(container);
  const owner = await storeOwner(engine, container, layout);
  const outcome = await runHelper(
    engine,
    {
      name: `lifeboat-probe-${service}-${ofRun(runId)}`,
      imageId: container.imageId,
      entrypoint: ['sh', '-c'],
      command: [SCRIPT],
      env: { LIFEBOAT_DATA: layout.data },
      user: `${owner.uid}:${owner.gid}`,
      volumesFrom: [`${container.id}:ro`],
      binds: [],
      labels: { [LABELS.service]: service, [LABELS.run]: runId },
    },
    options,
  );
  const lines = outcome.stdout
    .split('\n')
    .filter((line) => line.startsWith('lifeboat:'))
    .map((line) => line.slice('lifeboat:'.length).trim().split(' '));
  const line = (word: string) => lines.find(([first]) => first === word);
  if (outcome.exitCode !== 0 || line('no-admin')) {
    throw new LifeboatError(
      'Neo4jAdminMissing',
      `The image ${container.image} of the container "${container.name}" has no neo4j-admin, which dumps and loads need: use an official neo4j image.`,
    );
  }
  if (line('no-data')) {
    throw new LifeboatError(
      'NotNeo4j',
      `The container "${container.name}" has no readable data directory at ${layout.data}.`,
    );
  }
  const databases = Object.fromEntries(
    lines
      .filter(([first]) => first === 'database')
      .map(([, name = '', size, logs]) => [name, (Number(size) + Number(logs)) * 1024]),
  );
  return {
    layout,
    version: parseVersion(line('version')?.slice(1).join(' ') ?? ''),
    owner,
    databases,
    freeBytes: Number(line('free')?.[1] ?? 0) * 1024,
  };
}

async function storeOwner(
  engine: Engine,
  container: Container,
  layout: StoreLayout,
): Promise<{ uid: number; gid: number }> {
  try {
    return await ownerOf(engine, container.id, `${layout.data}/databases`);
  } catch (error) {
    if (error instanceof LifeboatError && error.type === 'KeyNotFound') {
      throw new LifeboatError(
        'NotNeo4j',
        `The container "${container.name}" has no Neo4j databases at ${layout.data}/databases: has it ever been started?`,
      );
    }
    throw error;
  }
}
