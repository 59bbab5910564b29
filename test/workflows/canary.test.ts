// needs: docker neo4j temporal s3
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { BackupResult } from '../../src/workflows/backup.ts';
import { assertHelpersConfined } from '../adapters/confined.ts';
import { loadGraph } from '../testbed/graph.ts';
import type { Neo4jServer } from '../testbed/neo4j.ts';
import { startQdrantStandIn } from '../testbed/qdrant/stand-in.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { canaries, type Finding } from './canaries.ts';
import { command, installation, page } from './canary-installation.ts';
import { neo4jSection, unique } from './lifeboat.ts';
import { freePort, type Receivers, startReceivers, until } from './receivers.ts';
import { objectsIn, piecesOf, type Written } from './written-down.ts';

const EVERY = ['success', 'failure', 'partial', 'recovered', 'drill-failed', 'stale'];

const secrets = canaries();
// Every one ends in what has to be escaped somewhere, as far as its own protocol takes it.
const ODD = '/"\\%41&<é>';
const neo4jPassword = secrets.make('Neo4j password', '-%41&$x');
const apiKey = secrets.make('Qdrant API key', '/"\\%41&<>');
const mailPassword = secrets.make('SMTP password', ODD);
const statusToken = secrets.make('status token', '/"\\%41&<>');
const hookPath = secrets.make('webhook URL', '/%22%41?a=b&c=<d>');
const hookToken = secrets.make('webhook header', '/"\\%41&<>');
const chatPath = secrets.make('Slack URL');
const topic = secrets.make('ntfy topic');
const pushToken = secrets.make('ntfy token');
const pingPath = secrets.make('ping URL');
const passphrase = secrets.make('passphrase', ODD);
const wrongKey = secrets.make('wrong Qdrant API key', '/"\\%41&<>');
const wrongPassword = secrets.make('wrong Neo4j password', ODD);
const wrongS3Id = secrets.make('wrong S3 access key id');
const wrongS3Secret = secrets.make('wrong S3 secret key', '/+"=');
const wrongMailPassword = secrets.make('wrong SMTP password', ODD);
const codecKey = randomBytes(32);

let graphServer: Neo4jServer;
let vectorServer: Awaited<ReturnType<typeof startQdrantStandIn>>;
let receivers: Receivers;
let identity: string;
let recipient: string;

before(async () => {
  const testbed = useTestbed();
  secrets.also('codec key', codecKey);
  secrets.also('codec key', codecKey.toString('base64'));
  secrets.also('S3 secret key', testbed.s3.secretAccessKey);
  secrets.also('S3 access key id', testbed.s3.accessKeyId);
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  secrets.also('age identity', identity);
  receivers = await startReceivers(mailPassword);
  const directory = join(testbed.directory, unique('canary-qdrant'));
  [vectorServer, graphServer] = await Promise.all([
    startQdrantStandIn({ directory, apiKey }),
    testbed.startNeo4j({ password: neo4jPassword }),
  ]);
  const driver = graphServer.driver();
  await loadGraph(driver, 100);
  await driver.close();
  const ask = (method: string, path: string, body: object) =>
    fetch(vectorServer.url + path, {
      method,
      headers: { 'content-type': 'application/json', 'api-key': apiKey },
      body: JSON.stringify(body),
    }).then((response) => assert.equal(response.status, 200));
  await ask('PUT', '/collections/notes', { vectors: { size: 4, distance: 'Cosine' } });
  const points = [{ id: 1, vector: [1, 2, 3, 4], payload: { title: 'a note' } }];
  await ask('PUT', '/collections/notes/points?wait=true', { points });
});

after(async () => {
  await graphServer?.remove();
  await vectorServer?.stop();
  await receivers?.close();
});

const vectorSection = (key = apiKey) => ({ kind: 'qdrant', url: vectorServer.url, apiKey: key });

function channels(password: string, url = receivers.url): object {
  return {
    hook: {
      kind: 'webhook',
      url: `${url}/hook/${hookPath}`,
      headers: { Authorization: `Bearer ${hookToken}` },
      on: EVERY,
    },
    chat: { kind: 'slack', url: `${url}/chat/${chatPath}`, on: EVERY },
    push: { kind: 'ntfy', server: `${url}/`, topic, token: pushToken, on: EVERY },
    check: { kind: 'ping', url: `${url}/check/${pingPath}` },
    mail: {
      kind: 'email',
      host: '127.0.0.1',
      port: receivers.smtpPort,
      security: 'none',
      username: 'lifeboat',
      password,
      from: 'lifeboat@example.com',
      to: ['ops@example.com'],
      on: EVERY,
    },
  };
}

const bucket = (prefix: string, more: object = {}) => {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket: name } = useTestbed().s3;
  return { kind: 's3', bucket: name, prefix, endpoint, region, accessKeyId, secretAccessKey, ...more };
};

/** What receivers were sent: what a channel needs for its own delivery is its own. */
function told(): Written[] {
  const own = (body: string) => body.replaceAll(`"topic":${JSON.stringify(topic)}`, '');
  const posted = receivers.posted.map(({ path, body }) => ({
    place: `what was posted to ${path.slice(0, 6)}`,
    data: own(body),
  }));
  const mails = receivers.mails.map(({ subject, text }) => ({
    place: 'a mail',
    data: `${subject}\n${text}`,
  }));
  return [...posted, ...mails];
}

function assertClean(written: Written[]): void {
  const findings = written.flatMap(({ place, data }): Finding[] => [
    ...secrets.find(place, data),
    ...secrets.find('the name of a place', place),
  ]);
  assert.deepEqual(findings, []);
}

/** What was searched is what was meant: these words are somewhere in places whose names begin so. */
function assertSearched(written: Written[], expected: [begin: string, words: string | RegExp][]): void {
  for (const [begin, words] of expected) {
    const places = written.filter(({ place }) => place.startsWith(begin));
    const found = places.some(({ data }) => new RegExp(words).test(data.toString()));
    assert.ok(found, `${String(words)} is in none of ${places.length} places that begin with "${begin}"`);
  }
}

// Among them the API key of the stand-in for Qdrant, which is made here: that of a named server may be any word.
describe('no secret is in anything that Lifeboat writes down or hands out, with the stand-in for Qdrant', () => {
  test('where all goes well, but for one backup', async () => {
    const [graph, vectors, prefix] = [unique('graph'), unique('vectors'), unique('canary')];
    const statusPort = await freePort();
    const config = {
      services: { [graph]: neo4jSection(graphServer, { mode: 'copy' }), [vectors]: vectorSection() },
      encryption: { recipients: [recipient], identities: [identity] },
      retention: { keepLast: 1, minimum: 1 },
      schedules: { night: { workflow: 'verify', cron: '0 3 * * *', paused: true } },
      notifications: channels(mailPassword),
      statusPage: { enabled: true, port: statusPort, token: statusToken },
    };
    let newest = '';
    const offsite = { offsite: bucket(prefix) };
    const written = await installation(
      config,
      offsite,
      async ({ lifeboat, metrics, written, containers }) => {
        const { set, state } = await lifeboat.run<BackupResult>('backup');
        assert.equal(state, 'complete');
        await Promise.all([lifeboat.run('verify'), lifeboat.run('drill', { set })]);
        await lifeboat.failureOf(await lifeboat.start('backup', { services: ['absent'] }));
        await lifeboat.run('restore', { set });
        ({ set: newest } = await lifeboat.run<BackupResult>('backup', { services: [vectors] }));
        await lifeboat.run('prune');
        written.push(await command(lifeboat, ['schedules', 'apply']));
        const shown = ['schedules', 'config show', 'doctor', 'status', 'list --json'];
        written.push(...(await Promise.all(shown.map((args) => command(lifeboat, args.split(' '))))));
        for (const schedule of ['night', 'watchdog']) {
          await lifeboat.client.schedule.getHandle(`${lifeboat.taskQueue}/${schedule}`).delete();
        }
        const [status, headers] = [
          `http://127.0.0.1:${statusPort}`,
          { authorization: `Bearer ${statusToken}` },
        ];
        await until(async () => (await page(status, headers)).data.includes(newest));
        written.push(
          await page(status, headers),
          await page(`${status}/status.json`, headers),
          await page(status),
        );
        written.push(await page(`${metrics}/metrics`), await page(`${metrics}/readyz`));
        assertHelpersConfined(containers);
        await until(() => receivers.mails.some(({ kind }) => kind === 'failure'));
      },
    );
    written.push(...(await objectsIn(useTestbed().s3, prefix)), ...told());
    assertSearched(written, [
      ['history of backup', newest],
      ['history of restore', graph],
      ['step ', '"step":'],
      ['container ', 'lifeboat.role'],
      ['volume ', 'staging'],
      ['object ', 'age-encryption.org'],
      ['log of the worker', 'worker ready'],
      ['page http', 'lifeboat_last_success_timestamp_seconds'],
      ['page http', newest],
      ['output of lifeboat config show', /\[secret\]/],
      ['output of lifeboat schedules apply', 'night'],
      ['what was posted to /hook', newest],
      ['what was posted to /chat', newest],
      ['a mail', 'absent'],
    ]);
    assertClean(written);
  });

  test('where every password is refused, and nobody can be told', async () => {
    const [graph, vectors] = [unique('graph'), unique('vectors')];
    const config = {
      services: {
        [graph]: { ...neo4jSection(graphServer), password: wrongPassword },
        [vectors]: vectorSection(wrongKey),
      },
      notifications: channels(wrongMailPassword, receivers.goneUrl),
    };
    const repositories = {
      refused: bucket('canary', { accessKeyId: wrongS3Id, secretAccessKey: wrongS3Secret }),
    };
    const written = await installation(
      config,
      repositories,
      async ({ lifeboat, written }) => {
        for (const service of [graph, vectors]) {
          const handle = await lifeboat.start('backup', { services: [service], repositories: ['local'] });
          // Without its password a graph is still dumped: only nothing is counted in it.
          await handle.result().catch(() => undefined);
        }
        const refused = await lifeboat.start('backup', { repositories: ['refused'] });
        assert.match((await lifeboat.failureOf(refused)).type, /Repository/);
        for (const args of ['doctor', 'status', 'list --repository refused']) {
          written.push(await command(lifeboat, args.split(' ')));
        }
      },
      true,
    );
    assertSearched(written, [
      ['history of backup', 'QdrantUnauthorized'],
      ['history of backup', 'refused'],
      ['step notify', 'nothing listens at its address'],
      ['history of notification', 'refused the user name or password'],
      ['output of lifeboat doctor', 'refused'],
    ]);
    assertClean(written);
  });

  test('where payloads are encrypted, and artifacts by a passphrase', async () => {
    const config = {
      services: { [unique('vectors')]: vectorSection() },
      encryption: { passphrase },
      temporal: { codec: { keys: [{ name: 'canary', key: codecKey.toString('base64') }] } },
    };
    const written = await installation(config, {}, async ({ lifeboat, written }) => {
      await lifeboat.run('backup');
      await lifeboat.run('verify');
      await lifeboat.run('restore');
      await lifeboat.failureOf(await lifeboat.start('backup', { services: ['absent'] }));
      written.push(await command(lifeboat, ['config', 'show']));
    });
    assertSearched(written, [
      ['history of backup', 'lifeboat-aes-256-gcm'],
      ['output of lifeboat config show', 'canary'],
    ]);
    assertClean(written);
  });

  test('nor in any other corner of Temporal’s database', async () => {
    const files = ['temporal.db', 'temporal.db-wal'].map((name) => join(useTestbed().directory, name));
    // A server that was given keeps its database elsewhere.
    for (const file of files.filter((one) => existsSync(one))) {
      for await (const piece of piecesOf(file)) assertClean([piece]);
    }
  });
});
