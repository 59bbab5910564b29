import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Container } from '../../src/adapters/docker/container.ts';
import type { Engine } from '../../src/adapters/docker/engine.ts';
import { isServing, requireReachable } from '../../src/adapters/neo4j/serving.ts';
import { lookAtBolt } from '../../src/cli/doctor/bolt-checks.ts';
import type { Neo4jService } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import { graphService } from '../testbed/sample-services.ts';

/** Answers the handshake as Neo4j does, and nothing after it. */
const bolt: Server = createServer((socket) => {
  socket.once('data', () => socket.write(Buffer.from([0, 0, 8, 5])));
  socket.on('error', () => undefined);
});
let port: number;
before(async () => {
  await new Promise<void>((resolve) => bolt.listen(0, '127.0.0.1', resolve));
  const address = bolt.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
after(() => bolt.close());

/** Nothing listens on port 1. */
const NOBODY = '127.0.0.1:1';

const container = (more: Partial<Container> = {}): Container => ({
  id: 'c0ffee',
  name: 'neo4j',
  image: 'neo4j:5',
  imageId: 'sha256:0',
  status: 'running',
  running: true,
  paused: false,
  exitCode: 0,
  startedAt: new Date('2026-11-23T10:00:00Z'),
  finishedAt: new Date(0),
  health: 'none',
  env: {},
  user: '',
  labels: {},
  mounts: [],
  autoRemove: false,
  networkMode: 'bridge',
  ports: {},
  ...more,
});

const published = (address: string): Partial<Container> => ({ ports: { '7687/tcp': [address] } });

/** An engine of which only a container's log is asked. */
const logging = (log: string | Error): Engine =>
  ({
    getContainer: () => ({
      logs: async () => {
        if (log instanceof Error) throw log;
        return Buffer.from(log);
      },
    }),
  }) as unknown as Engine;

const STARTED = 'INFO  Bolt enabled on 0.0.0.0:7687.\nINFO  Started.\n';
const STARTING = 'INFO  Starting...\n';

describe('whether a database is up', () => {
  test('is seen at its published port', async () => {
    const seen = await isServing(
      logging(STARTING),
      graphService(),
      container(published(`127.0.0.1:${port}`)),
    );
    assert.deepEqual(seen, { serving: true, evidence: 'published port' });
  });

  test('is read in its log where the worker does not reach that port', async () => {
    const there = container(published(NOBODY));
    const up = await isServing(logging(STARTED), graphService(), there);
    assert.deepEqual(up, { serving: true, evidence: 'log' });
    const starting = await isServing(logging(STARTING), graphService(), there);
    assert.deepEqual(starting, { serving: false, evidence: 'published port' });
  });

  test('is not known where the engine keeps no log that can be read', async () => {
    const seen = await isServing(
      logging(new Error('configured logging driver does not support reading')),
      graphService(),
      container(published(NOBODY)),
    );
    assert.equal(seen.serving, false);
  });

  test('is denied by a pause, whatever the log says', async () => {
    const paused = container({ ...published(NOBODY), paused: true });
    assert.equal((await isServing(logging(STARTED), graphService(), paused)).serving, false);
  });
});

describe('a configured Bolt address that does not reach the database', () => {
  test('is refused before anything is stopped, with what to do', async () => {
    const wrong = graphService({ bolt: `bolt://${NOBODY}` });
    await assert.rejects(requireReachable(wrong, container()), {
      type: 'DatabaseUnreachable',
      message: /service "graph" runs.*"bolt", bolt:\/\/127\.0\.0\.1:1: nothing was stopped\. Correct "bolt"/,
    });
  });

  test('is nobody’s fault where the database does not run', async () => {
    const wrong = graphService({ bolt: `bolt://${NOBODY}` });
    await requireReachable(wrong, container({ running: false }));
    await requireReachable(wrong, container({ paused: true }));
    await requireReachable(graphService(), container());
    await requireReachable(graphService({ bolt: `bolt://127.0.0.1:${port}` }), container());
  });
});

describe('doctor', () => {
  const found = async (more: Partial<Neo4jService>, of: Partial<Container> = {}, log = STARTING) =>
    await lookAtBolt(logging(log), graphService(more), container(of));

  test('tells of a Bolt address at which nobody answers', async () => {
    const [finding, ...others] = await found({ bolt: `bolt://${NOBODY}` });
    assert.deepEqual(others, []);
    assert.equal(finding?.state, 'fail');
    assert.match(finding?.message ?? '', /does not answer at bolt:\/\/127\.0\.0\.1:1/);
    assert.match(finding?.advice ?? '', /Correct bolt.*docker logs neo4j/);
  });

  test('tells of a database that runs and is not up', async () => {
    const [finding] = await found({}, published(NOBODY));
    assert.equal(finding?.state, 'fail');
    assert.match(finding?.message ?? '', /does not answer \(by published port\)/);
  });

  test('tells of one that is up, and can not be counted in from here', async () => {
    const login = { username: 'neo4j', password: new Secret('pw') };
    const [finding] = await found(login, published(NOBODY), STARTED);
    assert.equal(finding?.state, 'fail');
    assert.match(
      finding?.message ?? '',
      /up by its log, and nothing can be asked at bolt:\/\/127\.0\.0\.1:1/,
    );
    assert.deepEqual(await found({}, published(NOBODY), STARTED), []);
  });

  test('has nothing to say of one that answers', async () => {
    assert.deepEqual(await found({ bolt: `bolt://127.0.0.1:${port}` }), []);
  });
});
