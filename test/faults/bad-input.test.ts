// needs: docker neo4j temporal
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Finding } from '../../src/cli/doctor/check.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { type Lifeboat, neo4jSection, startLifeboat, unique } from '../workflows/lifeboat.ts';

const LIFEBOAT = fileURLToPath(new URL('../../bin/lifeboat', import.meta.url));

const testbed = useTestbed();
const names = {
  good: unique('good'),
  unknown: unique('unknown'),
  other: unique('other'),
  layer: unique('layer'),
  noAdmin: unique('no-admin'),
  database: unique('database'),
  empty: unique('empty'),
  bolt: unique('bolt'),
};
let server: Neo4jServer;
let lifeboat: Lifeboat;
const containers: string[] = [];

/** A container of the testbed's image that does something else, or lacks something. */
async function odd(options: { env?: string[]; binds?: string[]; entrypoint?: string[] }): Promise<string> {
  const { id } = await testbed.engine.createContainer({
    name: unique('lifeboat-test-odd'),
    Image: testbed.neo4jImage,
    Labels: { 'lifeboat.testbed': testbed.id },
    Entrypoint: options.entrypoint ?? ['sleep', '600'],
    Cmd: [],
    Env: options.env ?? [],
    HostConfig: { NetworkMode: 'none', Binds: options.binds ?? [] },
  });
  await testbed.engine.getContainer(id).start();
  containers.push(id);
  return id;
}

/** The server's section with an address at which nobody answers, and without a login; by a short id, since each container is protected once. */
const elsewhere = (): object =>
  neo4jSection(server, {
    container: server.containerId.slice(0, 12),
    bolt: 'bolt://127.0.0.1:1',
    username: undefined,
    password: undefined,
  });

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const small = join(testbed.directory, unique('small'));

before(async () => {
  await mkdir(small);
  if (isRoot) await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]);
  const repository = await mkdtemp(join(testbed.directory, 'repository-'));
  server = await testbed.startNeo4j();
  const other = await odd({ env: ['NEO4J_server_directories_data=/data'] });
  const layer = await odd({ env: ['NEO4J_server_directories_data=/var/lib/elsewhere'] });
  const noAdmin = await odd({
    env: [],
    binds: [`${server.volumes.data}:/data`, '/dev/null:/var/lib/neo4j/bin/neo4j-admin'],
  });
  const emptied = join(testbed.directory, unique('emptied'));
  await mkdir(join(emptied, 'databases'), { recursive: true });
  const empty = await odd({ binds: [`${emptied}:/data`] });
  lifeboat = await startLifeboat({
    services: {
      [names.empty]: { kind: 'neo4j', container: empty },
      [names.good]: neo4jSection(server),
      [names.unknown]: { kind: 'neo4j', container: 'there-is-none-of-this-name' },
      [names.other]: { kind: 'neo4j', container: other },
      [names.layer]: { kind: 'neo4j', container: layer },
      [names.noAdmin]: { kind: 'neo4j', container: noAdmin },
      [names.database]: neo4jSection(server, {
        container: server.containerId,
        databases: ['neo4j', 'nosuch'],
      }),
      [names.bolt]: elsewhere(),
    },
    repositories: {
      local: { kind: 'directory', path: repository },
      missing: { kind: 'directory', path: '/sys/kernel' },
      small: { kind: 'directory', path: small },
    },
  });
});

after(async () => {
  await lifeboat?.close();
  if (isRoot) await run('umount', [small]);
  for (const id of containers) await testbed.engine.getContainer(id).remove({ force: true, v: true });
  await server?.remove();
});

async function refused(input: object | undefined, type: FailureType, says: RegExp): Promise<void> {
  const { startedAt } = await stateOf();
  const failure = await lifeboat.failureOf(await lifeboat.start('backup', input));
  assert.equal(failure.type, type, failure.message);
  assert.match(failure.message, says);
  assert.deepEqual(await stateOf(), { running: true, startedAt }, 'nothing was stopped');
}

async function stateOf() {
  const { State } = await testbed.engine.getContainer(server.containerName).inspect();
  return { running: State.Running, startedAt: State.StartedAt };
}

const only = (service: string) => ({ services: [service], repositories: ['local'] });

test('a field that there is not', async () => {
  await refused({ servics: ['x'] }, 'InvalidInput', /unknown field "servics".*services, repositories/);
});

test('a field of the wrong type', async () => {
  await refused({ services: 'x' }, 'InvalidInput', /"services"/);
});

test('a service that is not configured', async () => {
  await refused({ services: ['nobody'] }, 'InvalidInput', /no such service.*it has/);
});

test('a container that there is not', async () => {
  await refused(
    only(names.unknown),
    'ContainerNotFound',
    /no container "there-is-none-of-this-name".*It has/,
  );
});

test('a container without a Neo4j', async () => {
  await refused(only(names.other), 'NotNeo4j', /no Neo4j databases|does not run Neo4j/);
});

test('a data directory that is in the container’s own layer', async () => {
  await refused(only(names.layer), 'DataNotOnVolume', /not on a volume or bind mount/);
});

test('an image without neo4j-admin', async () => {
  // The helper runs from the image itself: a copy of it without the program.
  await refused(only(names.noAdmin), 'Neo4jAdminMissing', /no neo4j-admin/);
});

test('a database that there is not', async () => {
  await refused(only(names.database), 'DatabaseNotFound', /no database "nosuch"; it has: /);
});

test('a Bolt address that does not reach the database', async () => {
  await refused(
    only(names.bolt),
    'DatabaseUnreachable',
    /runs, and does not answer at its "bolt", bolt:\/\/127\.0\.0\.1:1: nothing was stopped/,
  );
});

test('doctor finds such an address, and a login that is refused', async () => {
  const file = join(lifeboat.directory, 'doctor.yaml');
  const { repositories, temporal, telemetry } = JSON.parse(await readFile(lifeboat.configFile, 'utf8'));
  const services = {
    // Another user than the one whose login Neo4j would refuse for a while after this.
    stranger: neo4jSection(server, { username: 'stranger', password: 'wrong-password' }),
    good: neo4jSection(server, { container: server.containerId }),
    elsewhere: elsewhere(),
  };
  await writeFile(file, JSON.stringify({ services, repositories, temporal, telemetry }));
  const env = { ...process.env, DOCKER_HOST: testbed.docker.host, NO_COLOR: '1' };
  const failed = await run(LIFEBOAT, ['doctor', '--json', '--config', file], { env }).then(
    () => assert.fail('doctor found nothing'),
    (error: { stdout: string }) => error.stdout,
  );
  const { findings } = JSON.parse(failed) as { findings: Finding[] };
  const of = (name: string) => findings.filter(({ subject }) => subject === `service ${name}`);
  assert.match(of('stranger').find(({ state }) => state === 'fail')?.message ?? '', /refuses the username/);
  assert.match(of('elsewhere').find(({ state }) => state === 'fail')?.message ?? '', /does not answer at/);
  assert.deepEqual(
    of('good').map(({ state }) => state),
    ['ok'],
  );
});

test('a data directory that was emptied', async () => {
  await refused(only(names.empty), 'DatabaseNotFound', /holds no database: it was emptied/);
});

test('a repository that is not writable', async () => {
  await refused({ services: [names.good], repositories: ['missing'] }, 'RepositoryNotWritable', /missing/);
});

test('a repository with too little room for the dump', {
  skip: isRoot ? false : 'only root can mount a small file system',
}, async () => {
  await refused(
    { services: [names.good], repositories: ['small'] },
    'InsufficientSpace',
    /free, and \d+ are needed/,
  );
});
