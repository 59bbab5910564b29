import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { reclaim } from '../../src/activities/reclaim.ts';
import type { Step } from '../../src/activities/step.ts';
import { closeWindow } from '../../src/activities/windows.ts';
import type { Engine } from '../../src/adapters/docker/engine.ts';
import { listInterruptions } from '../../src/adapters/docker/interruption.ts';
import type { Neo4jService } from '../../src/config/config.ts';

// No real engine can be brought into these moments: a worker dies between two of its calls, and hours have passed since the record.

const ID = 'c'.repeat(64);
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);
const swap = JSON.stringify({
  place: { restore: 'r1', data: '/data', owner: { uid: 7474, gid: 7474 } },
  databases: ['neo4j'],
});

let graph: {
  exists: boolean;
  running: boolean;
  serves: boolean;
  startedAt: Date;
  finishedAt: Date;
  /** A swap of its stores is unfinished. */
  swapping: boolean;
  /** What happens when it is looked at or started. */
  onLook: () => void;
  onStart: () => void;
};
let volumes: Map<string, Record<string, string>>;
let services: unknown[];
/** The worker is dead, and asks the engine for nothing more. */
let dead: boolean;

beforeEach(() => {
  graph = {
    exists: true,
    running: false,
    serves: true,
    startedAt: minutes(-60),
    finishedAt: minutes(-9.5),
    swapping: false,
    onLook: () => {},
    onStart: () => {},
  };
  dead = false;
  volumes = new Map();
  services = [
    {
      kind: 'neo4j',
      name: 'graph',
      target: { container: 'neo4j' },
      stopGraceSeconds: 60,
      startTimeoutSeconds: 0.2,
    },
  ];
});

const dies = () => {
  dead = true;
  throw new Error('the worker dies');
};

const goDown = () => Object.assign(graph, { running: false, finishedAt: new Date() });

function write(labels: Record<string, string> = {}, at = minutes(-10), stopBy = minutes(-8)): void {
  volumes.set('record', {
    'lifeboat.role': 'interruption',
    'lifeboat.service': 'graph',
    'lifeboat.container': ID,
    'lifeboat.container-name': 'neo4j',
    'lifeboat.action': 'stop',
    'lifeboat.at': at.toISOString(),
    'lifeboat.stop-by': stopBy.toISOString(),
    ...labels,
  });
}

const context = { signal: new AbortController().signal, beat: () => {}, runId: 'run' } as unknown as Step;

async function attempt(): Promise<string> {
  dead = false;
  const [record] = await listInterruptions(engine);
  assert.ok(record);
  return await reclaim({ engine, config: () => ({ services }) } as unknown as Dependencies, record, context);
}

describe('what reclaiming itself has started or stopped', () => {
  test('is started again when it fell over before it answered', async () => {
    write();
    graph.serves = false;
    await assert.rejects(attempt(), { type: 'StartFailed' });
    goDown();
    graph.serves = true;
    assert.equal(await attempt(), 'started');
    assert.deepEqual([graph.running, volumes.size], [true, 0]);
  });

  test('is not taken for up before it answers', async () => {
    write();
    graph.serves = false;
    await assert.rejects(attempt(), { type: 'StartFailed' });
    await assert.rejects(attempt(), { type: 'StartFailed' });
    assert.equal(volumes.has('record'), true);
  });

  test('is started again when the worker died before it answered', async () => {
    write();
    graph.onStart = dies;
    await assert.rejects(attempt(), /the worker dies/);
    goDown();
    graph.onStart = () => {};
    assert.equal(await attempt(), 'started');
  });

  test('is started when it was stopped for its old stores, and the worker died', async () => {
    write({ 'lifeboat.restore': swap });
    Object.assign(graph, { running: true, swapping: true, startedAt: minutes(-5) });
    graph.onStart = dies;
    await assert.rejects(attempt(), /the worker dies/);
    assert.deepEqual([graph.running, graph.swapping], [false, false]);
    graph.onStart = () => {};
    assert.equal(await attempt(), 'started');
    assert.deepEqual([graph.running, volumes.size], [true, 0]);
  });
});

describe('what a section that was ended meanwhile had', () => {
  const close = async () => await closeWindow(engine, services[0] as Neo4jService, context);

  test('started, and what fell over before it answered, is started again', async () => {
    write();
    graph.serves = false;
    await assert.rejects(close(), { type: 'StartFailed' });
    goDown();
    graph.serves = true;
    assert.equal(await attempt(), 'started');
  });

  test('stopped for its old stores is started', async () => {
    write({ 'lifeboat.restore': swap });
    Object.assign(graph, { running: true, swapping: true, startedAt: minutes(-5) });
    graph.onStart = dies;
    await assert.rejects(close(), /the worker dies/);
    assert.deepEqual([graph.running, graph.swapping], [false, false]);
    graph.onStart = () => {};
    assert.equal(await attempt(), 'started');
  });
});

test('what a person stopped later is left, and its record goes', async () => {
  write();
  goDown();
  assert.equal(await attempt(), 'left to the person who stopped it');
  assert.deepEqual([graph.running, volumes.size], [false, 0]);
});

for (const known of [true, false]) {
  describe(`a stop that is under way, of a service that is ${known ? '' : 'not '}configured`, () => {
    beforeEach(() => {
      if (!known) services = [];
    });

    test('is waited for, and undone', async () => {
      write({}, minutes(-0.1), minutes(1));
      graph.running = true;
      let looks = 0;
      graph.onLook = () => {
        looks += 1;
        if (looks === 2) goDown();
      };
      assert.equal(await attempt(), 'started');
      assert.deepEqual([graph.running, volumes.size], [true, 0]);
    });

    test('and never comes, was none', async () => {
      write({}, minutes(-0.1), new Date(Date.now() + 300));
      graph.running = true;
      assert.equal(await attempt(), 'was up already');
      assert.equal(volumes.size, 0);
    });
  });
}

describe('the record of a swap that is not finished', () => {
  beforeEach(() => {
    write({ 'lifeboat.restore': swap });
    graph.swapping = true;
  });

  test('stays while the container is gone', async () => {
    graph.exists = false;
    assert.match(await attempt(), /^is gone, with a restore that is not finished/);
    assert.equal(volumes.size, 1);
    graph.exists = true;
    assert.equal(await attempt(), 'started');
    assert.deepEqual([graph.swapping, volumes.size], [false, 0]);
  });

  test('stays while its service is not configured, and nothing is started on half of its stores', async () => {
    const [service] = services.splice(0);
    assert.match(await attempt(), /^left as it is, because a restore of it is not finished/);
    assert.deepEqual([graph.running, volumes.size], [false, 1]);
    services.push(service);
    assert.equal(await attempt(), 'started');
    assert.deepEqual([graph.swapping, volumes.size], [false, 0]);
  });

  test('goes with a service that is not configured once nothing of it is left to settle', async () => {
    services = [];
    graph.swapping = false;
    assert.equal(await attempt(), 'started');
    assert.equal(volumes.size, 0);
  });
});

test('a service that was found stopped gets its own stores back, and stays stopped', async () => {
  write({ 'lifeboat.restore': swap, 'lifeboat.left-stopped': 'true' });
  graph.swapping = true;
  assert.equal(await attempt(), 'has its own stores, and is left stopped as it was found');
  assert.deepEqual([graph.swapping, graph.running, volumes.size], [false, false, 0]);
});

test('one that a person has started meanwhile gets its own stores back, and serves', async () => {
  write({ 'lifeboat.restore': swap, 'lifeboat.left-stopped': 'true' });
  Object.assign(graph, { running: true, swapping: true });
  graph.onStart = dies;
  await assert.rejects(attempt(), /the worker dies/);
  graph.onStart = () => {};
  assert.equal(await attempt(), 'started');
  assert.deepEqual([graph.swapping, graph.running, volumes.size], [false, true, 0]);
});

const notThere = () => Object.assign(new Error('there is none'), { statusCode: 404 });

const inspected = (id: string, state: object) => ({
  Id: id,
  Name: '/neo4j',
  Image: 'sha256:1',
  Config: { Image: 'neo4j', Env: [], Labels: {} },
  HostConfig: {},
  NetworkSettings: {},
  State: { Paused: false, ExitCode: 0, ...state },
});

const container = {
  async inspect() {
    graph.onLook();
    if (!graph.exists) throw notThere();
    return inspected(ID, {
      Status: graph.running ? 'running' : 'exited',
      Running: graph.running,
      StartedAt: graph.startedAt.toISOString(),
      FinishedAt: graph.finishedAt.toISOString(),
      Health: { Status: graph.serves ? 'healthy' : 'starting' },
    });
  },
  async start() {
    graph.onStart();
    Object.assign(graph, { running: true, startedAt: new Date() });
  },
  async stop() {
    goDown();
  },
  async infoArchive() {
    if (!graph.swapping) throw notThere();
    const stat = Buffer.from(JSON.stringify({ size: 0, mode: 0, mtime: 0 })).toString('base64');
    return { headers: { 'x-docker-container-path-stat': stat }, resume: () => {} };
  },
};

/** The helper that rolls back. */
const helper = {
  status: 'created',
  async inspect() {
    return inspected('helper', { Status: helper.status, Running: false, StartedAt: 0, FinishedAt: 0 });
  },
  async start() {
    helper.status = 'exited';
    graph.swapping = false;
  },
  async logs() {
    return Buffer.alloc(0);
  },
  async remove() {},
};

const engine = {
  getContainer: (id: string) => (id === 'helper' ? helper : container),
  async listContainers() {
    return [];
  },
  async createContainer() {
    helper.status = 'created';
    return { id: 'helper' };
  },
  async createVolume({ Name, Labels }: { Name: string; Labels: Record<string, string> }) {
    if (dead) throw new Error('the worker is dead');
    volumes.set(Name, Labels);
  },
  async listVolumes() {
    return { Volumes: [...volumes].map(([Name, Labels]) => ({ Name, Labels })) };
  },
  getVolume: (name: string) => ({
    async inspect() {
      const labels = volumes.get(name);
      if (!labels) throw notThere();
      return { Name: name, Labels: labels };
    },
    async remove() {
      volumes.delete(name);
    },
  }),
} as unknown as Engine;
