import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Storage } from '@google-cloud/storage';
import { Connection } from '@temporalio/client';
import neo4j from 'neo4j-driver';
import { killPrivateEngine, startPrivateEngine, stopPrivateEngine } from '../testbed/engine.ts';
import { countGraph, deleteGraph, loadGraph } from '../testbed/graph.ts';
import { withLock } from '../testbed/lock.ts';
import { TESTBED_LABEL } from '../testbed/neo4j.ts';
import { endProcess, identify, isRunning } from '../testbed/process.ts';
import { connectS3 } from '../testbed/s3.ts';
import { useTestbed } from '../testbed/testbed.ts';

const testbed = useTestbed();

/** Run words in a container of the Neo4j image, without a network, as `docker run --rm` does. */
async function runInImage(words: string[], environment: string[] = [], user = ''): Promise<[number, string]> {
  const container = await testbed.engine.createContainer({
    Image: testbed.neo4jImage,
    Cmd: words,
    Env: environment,
    User: user,
    Labels: { [TESTBED_LABEL]: testbed.id },
    HostConfig: { NetworkMode: 'none' },
    Tty: true,
  });
  try {
    await container.start();
    const { StatusCode } = await container.wait();
    const output = await container.logs({ stdout: true, stderr: true });
    return [StatusCode, output.toString()];
  } finally {
    await container.remove({ force: true, v: true });
  }
}

test('the Docker engine answers', async () => {
  assert.equal((await testbed.engine.ping()).toString(), 'OK');
});

test('neo4j-admin is usable by docker run, and runs as uid 7474', async () => {
  const [code, version] = await runInImage(['neo4j-admin', '--version']);
  assert.match(version, /^5\.26\.\d+\s*$/);
  assert.equal(code, 0);
  const [, user] = await runInImage(['id', '-u']);
  assert.equal(user.trim(), '7474');
});

test('the image declares its volumes and takes configuration from the environment', async () => {
  const { Config } = await testbed.engine.getImage(testbed.neo4jImage).inspect();
  assert.deepEqual(Object.keys(Config.Volumes).sort(), ['/data', '/logs']);
  const [, configuration] = await runInImage(
    ['cat', '/var/lib/neo4j/conf/neo4j.conf'],
    ['NEO4J_db_tx__log_preallocate=false', 'NEO4J_server_default__listen__address=127.0.0.1'],
  );
  assert.match(configuration, /^db\.tx_log\.preallocate=false\s*$/m);
  assert.match(configuration, /^server\.default_listen_address=127\.0\.0\.1\s*$/m);
  assert.equal(configuration.match(/^server\.default_listen_address=/gm)?.length, 1);
});

test('a password that Neo4j refuses ends the container', async () => {
  const [code, output] = await runInImage(['neo4j'], ['NEO4J_AUTH=neo4j/neo4j']);
  assert.notEqual(code, 0);
  assert.match(output, /cannot be 'neo4j'/);
});

test('a Neo4j server takes its password only, and keeps its graph over a clean stop', async () => {
  const server = await testbed.startNeo4j();
  try {
    const stranger = neo4j.driver(server.boltUrl, neo4j.auth.basic('neo4j', 'not-the-password'));
    await assert.rejects(stranger.executeQuery('RETURN 1'), {
      code: 'Neo.ClientError.Security.Unauthorized',
    });
    await stranger.close();
    const driver = server.driver();
    const counts = await loadGraph(driver, 1000);
    assert.equal(counts.nodes, 1000);
    assert.deepEqual(counts.labels, { Note: 700, Person: 100, Resource: 200 });
    await driver.close();

    const container = testbed.engine.getContainer(server.containerName);
    await container.stop({ t: 120 });
    assert.equal((await container.inspect()).State.ExitCode, 0);
    await container.start();
    await server.untilServing();
    const again = server.driver();
    assert.deepEqual(await countGraph(again), counts);
    await deleteGraph(again);
    assert.equal((await countGraph(again)).nodes, 0);
    await again.close();
  } finally {
    await server.remove();
  }
  const left = await testbed.engine.listVolumes({ filters: { name: [server.volumes.data] } });
  assert.deepEqual(left.Volumes ?? [], []);
});

test('the Temporal server and its UI answer', async () => {
  const { address, namespace, uiUrl } = testbed.temporal;
  const connection = await Connection.connect({ address });
  const answer = await connection.workflowService.describeNamespace({ namespace });
  assert.equal(answer.namespaceInfo?.name, namespace);
  await connection.close();
  if (uiUrl) assert.equal((await fetch(uiUrl)).status, 200);
});

test('the S3 server takes the right key and refuses a wrong one', async () => {
  const place = { Bucket: testbed.s3.bucket, Key: `testbed-test-${process.pid}` };
  const client = connectS3(testbed.s3);
  await client.send(new PutObjectCommand({ ...place, Body: 'seven b' }));
  assert.equal((await client.send(new HeadObjectCommand(place))).ContentLength, 7);
  client.destroy();
  for (const wrong of [{ secretAccessKey: 'wrong' }, { accessKeyId: 'nobody' }]) {
    const stranger = connectS3({ ...testbed.s3, ...wrong });
    await assert.rejects(stranger.send(new PutObjectCommand({ ...place, Body: 'x' })), (error) => {
      assert.equal((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode, 403);
      return true;
    });
    stranger.destroy();
  }
});

test('the GCS server keeps what is written', async () => {
  const storage = new Storage({ apiEndpoint: testbed.gcs.endpoint, projectId: 'test' });
  const [bucket] = await storage.createBucket(`testbed-test-${process.pid}`);
  await bucket.file('a/b').save('content', { resumable: false });
  const [content] = await bucket.file('a/b').download();
  assert.equal(content.toString(), 'content');
});

test('Qdrant answers with its key only', async () => {
  const { url, apiKey } = testbed.qdrant;
  const answer = await fetch(`${url}/collections`, { headers: { 'api-key': apiKey } });
  assert.equal(answer.status, 200);
  if (apiKey) assert.ok([401, 403].includes((await fetch(`${url}/collections`)).status));
});

test('what a killed engine left is no obstacle to the next', async (context) => {
  if (!testbed.docker.private) return context.skip('the machine has an engine of its own');
  const directory = await mkdtemp(join(testbed.directory, 'engine-'));
  try {
    const engine = await startPrivateEngine({ directory });
    await engine.docker.createVolume({ Name: 'kept' });
    await killPrivateEngine(directory);
    await assert.rejects(engine.docker.ping());
    const next = await startPrivateEngine({ directory });
    assert.equal((await next.docker.getVolume('kept').inspect()).Name, 'kept');
  } finally {
    await stopPrivateEngine(directory);
    await rm(directory, { recursive: true, force: true });
  }
});

test('a process id that was given to another is never ended', async () => {
  const child = spawn('sleep', ['600']);
  await once(child, 'spawn');
  const identity = identify(child.pid!)!;
  await endProcess({ pid: identity.pid, started: `${Number(identity.started) - 1}` });
  assert.ok(isRunning(identity));
  await endProcess(identity);
  assert.ok(!isRunning(identity));
});

test('a process is not gone while one of its threads still runs', async () => {
  // The first thread ends by itself, and not by exit(), which would end all.
  const program = [
    'import ctypes, platform, threading, time',
    'threading.Thread(target=time.sleep, args=(600,)).start()',
    'print("two", flush=True)',
    'ctypes.CDLL(None).syscall(93 if platform.machine() == "aarch64" else 60, 0)',
  ];
  const child = spawn('python3', ['-c', program.join('\n')]);
  await once(child.stdout, 'data');
  const identity = identify(child.pid!)!;
  try {
    const state = () => readFileSync(`/proc/${identity.pid}/stat`, 'utf8').split(') ').at(-1)?.[0];
    while (state() !== 'Z') await sleep(10);
    assert.ok(isRunning(identity));
  } finally {
    await endProcess(identity, 0, 'SIGKILL');
  }
  assert.ok(!isRunning(identity));
});

test('a lock goes with the process that held it', async () => {
  const lock = new URL('../testbed/lock.ts', import.meta.url).href;
  const name = `test ${process.pid}`;
  const program = `import { withLock } from '${lock}';
    await withLock('${name}', () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)); });`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  let taken = false;
  const waiting = withLock(name, async () => {
    taken = true;
  });
  // A turn with a real answer of the holder's socket would be a matter of time; this one is only a first look.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(taken, false);
  holder.kill('SIGKILL');
  await waiting;
  assert.equal(taken, true);
});
