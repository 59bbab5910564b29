import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Stage } from './stage.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

/** Say what can be tried now. */
export function tellWhatToTry({ narration, testbed, configuration, connected, graph }: Stage): void {
  const near = relative(process.cwd(), LIFEBOAT);
  const lifeboat = near.startsWith('..') ? LIFEBOAT : `./${near}`;
  narration.heading('Everything stays up until Ctrl-C');
  narration.fact('Temporal UI', testbed.temporal.uiUrl);
  narration.fact('Task queue', connected.taskQueue);
  narration.fact('Neo4j', `${graph.boltUrl}, user ${graph.username}, password ${graph.password}`);
  narration.tell('', 'Try, in another terminal:', '');
  narration.tell(
    `  export LIFEBOAT_CONFIG=${configuration.file}`,
    ...(testbed.docker.private ? [`  export DOCKER_HOST=${testbed.docker.host}`] : []),
    `  ${lifeboat} list`,
    `  ${lifeboat} status`,
    `  ${lifeboat} doctor`,
    `  ${lifeboat} backup`,
    `  ${lifeboat} restore --dry-run`,
    `  ${lifeboat} drill`,
  );
}
