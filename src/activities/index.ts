import { createCollectionAliasActivities } from './collection-aliases.ts';
import { createCollectionRemovalActivities } from './collection-removal.ts';
import { createContainerActivities } from './containers.ts';
import { createNeo4jCopyActivities } from './copy-neo4j.ts';
import type { Dependencies } from './dependencies.ts';
import { createNeo4jDrillActivities } from './drill-neo4j.ts';
import { createFleetActivities } from './fleet.ts';
import { createHostActivities } from './host.ts';
import { createKeptCollectionActivities } from './kept-collections.ts';
import { createKeptStoresActivities } from './kept-stores.ts';
import { createNeo4jActivities } from './neo4j.ts';
import { createNotificationActivities } from './notifications.ts';
import { createNeo4jOnlineActivities } from './online-neo4j.ts';
import { createQdrantActivities } from './qdrant.ts';
import { createReplicationActivities } from './replication.ts';
import { createRepositoryActivities } from './repository.ts';
import { createSelectionActivities } from './restore.ts';
import { createNeo4jRestoreActivities } from './restore-neo4j.ts';
import { createQdrantRestoreActivities } from './restore-qdrant.ts';
import { createRetentionActivities } from './retention.ts';
import { createNeo4jSnapshotActivities } from './snapshot-neo4j.ts';
import { createVerdictActivities } from './verdicts.ts';
import { createVerifyActivities } from './verify.ts';
import { createWatchdogActivities } from './watchdog.ts';

/** All activities of a worker, by the names under which workflows call them. */
export function createActivities(deps: Dependencies) {
  return {
    ...createCollectionAliasActivities(deps),
    ...createCollectionRemovalActivities(deps),
    ...createContainerActivities(deps),
    ...createFleetActivities(deps),
    ...createHostActivities(deps),
    ...createKeptCollectionActivities(deps),
    ...createKeptStoresActivities(deps),
    ...createNeo4jActivities(deps),
    ...createNeo4jCopyActivities(deps),
    ...createNeo4jDrillActivities(deps),
    ...createNeo4jOnlineActivities(deps),
    ...createNeo4jRestoreActivities(deps),
    ...createNeo4jSnapshotActivities(deps),
    ...createNotificationActivities(deps),
    ...createQdrantActivities(deps),
    ...createReplicationActivities(deps),
    ...createRepositoryActivities(deps),
    ...createRetentionActivities(deps),
    ...createSelectionActivities(deps),
    ...createQdrantRestoreActivities(deps),
    ...createVerdictActivities(deps),
    ...createVerifyActivities(deps),
    ...createWatchdogActivities(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
