import { mkdir } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import type { BackupResult } from '../../../src/workflows/backup.ts';
import { loadGraph } from '../../testbed/graph.ts';
import { type Neo4jServer, TESTBED_LABEL } from '../../testbed/neo4j.ts';
import { useTestbed } from '../../testbed/testbed.ts';
import { type Collections, startCollections } from '../../workflows/collections.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../../workflows/lifeboat.ts';
import { type Receivers, startReceivers } from '../../workflows/receivers.ts';
import { RECORDED_QUEUE } from '../histories.ts';
import type { Replacement } from './scrub.ts';

/** One Neo4j under three names, one a capture mode; a Qdrant; an application; and a repository for each thing that is done to one. */
export interface Scene {
  lifeboat: Lifeboat;
  server: Neo4jServer;
  collections: Collections;
  /** A collection that has an alias. */
  notes: string;
  /** Run a workflow to its end, well or not. */
  run(type: string, input?: object): Promise<WorkflowHandle>;
  /** The folder of a repository. */
  folder(repository: (typeof REPOSITORIES)[number]): string;
  /** A set of `graph` and `vectors` in the repository `local`. */
  set(): Promise<string>;
  replacements: Replacement[];
  forbidden: string[];
  close(): Promise<void>;
}

const REPOSITORIES = ['local', 'offsite', 'pruned', 'damaged'] as const;

export async function setScene(): Promise<Scene> {
  const testbed = useTestbed();
  const receivers = await startReceivers('');
  const collections = await startCollections();
  const notes = await collections.make('notes', { points: 40, aliases: ['now'] });
  const compose = { project: unique('project'), service: 'neo4j' };
  const server = await testbed.startNeo4j({
    labels: {
      'com.docker.compose.project': compose.project,
      'com.docker.compose.service': compose.service,
    },
  });
  const driver = server.driver();
  await loadGraph(driver, 100);
  await driver.close();
  const application = unique('lifeboat-test-application');
  const { id } = await testbed.engine.createContainer({
    name: application,
    Image: testbed.neo4jImage,
    Entrypoint: ['sleep'],
    Cmd: ['infinity'],
    Labels: { [TESTBED_LABEL]: testbed.id },
    HostConfig: { NetworkMode: 'none' },
  });
  await testbed.engine.getContainer(id).start();
  const folders = await repositories(testbed.directory);
  const lifeboat = await startLifeboat({
    services: {
      graph: neo4jSection(server),
      // A container is protected once: so it is named in three ways.
      copied: neo4jSection(server, { mode: 'copy', container: server.containerId }),
      frozen: neo4jSection(server, { mode: 'freeze', container: undefined, compose }),
      vectors: collections.section(),
    },
    repositories: folders,
    retention: { keepLast: 1 },
    quiesce: [application],
    notifications: channels(receivers),
  });
  const run = async (type: string, input?: object) => {
    const handle = await lifeboat.start(type, input);
    await handle.result().catch(() => undefined);
    return handle;
  };
  let set: Promise<BackupResult> | undefined;
  return {
    lifeboat,
    server,
    collections,
    notes,
    run,
    folder: (repository) => folders[repository].path,
    async set() {
      set ??= lifeboat.run<BackupResult>('backup', {
        services: ['graph', 'vectors'],
        repositories: ['local'],
      });
      return (await set).set;
    },
    replacements: [
      [lifeboat.taskQueue, RECORDED_QUEUE],
      [lifeboat.directory, '/var/lib/lifeboat'],
      [testbed.directory, '/srv/backups'],
      [server.containerName, 'neo4j'],
      [server.containerId, '0'.repeat(64)],
      [application, 'application'],
      [testbed.neo4jImage, 'neo4j:5-community'],
      [/sha256:[0-9a-f]{64}/g, `sha256:${'0'.repeat(64)}`],
      [/\b(web|gone)-[0-9a-f]{6}\b/g, '$1'],
      [/127\.0\.0\.1:\d+/g, '127.0.0.1:7687'],
    ],
    forbidden: [
      hostname(),
      `${homedir()}/`,
      `${tmpdir()}/`,
      fileURLToPath(new URL('../../..', import.meta.url)),
    ],
    async close() {
      await lifeboat.close();
      await server.remove();
      await collections.close();
      await receivers.close();
      await testbed.engine.getContainer(application).remove({ force: true });
    },
  };
}

type Folders = Record<(typeof REPOSITORIES)[number], { kind: 'directory'; path: string }>;

async function repositories(directory: string): Promise<Folders> {
  const sections = REPOSITORIES.map((name) => {
    const path = join(directory, unique(name));
    return [name, { kind: 'directory', path }] as const;
  });
  for (const [, { path }] of sections) await mkdir(path);
  return Object.fromEntries(sections) as Folders;
}

const channels = ({ url }: Receivers): object => ({
  hook: {
    kind: 'webhook',
    url: `${url}/hook`,
    on: ['success', 'failure', 'partial', 'recovered', 'drill-failed', 'stale'],
  },
});
