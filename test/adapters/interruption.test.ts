// needs: docker neo4j
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type Container, findContainer } from '../../src/adapters/docker/container.ts';
import { removeContainer } from '../../src/adapters/docker/helper.ts';
import { clearInterruption, listInterruptions, underRecord } from '../../src/adapters/docker/interruption.ts';
import { pauseContainer, startContainer, stopContainer } from '../../src/adapters/docker/lifecycle.ts';
import { TESTBED_LABEL } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { failsWith } from './failure.ts';

const testbed = useTestbed();
const { engine } = testbed;
const service = `interrupted-${randomBytes(4).toString('hex')}`;
let id: string;
const now = async (): Promise<Container> => await findContainer(engine, { container: id });
const recorded = async () => (await listInterruptions(engine)).filter((one) => one.service === service);

before(async () => {
  const container = await engine.createContainer({
    name: `lifeboat-test-${service}`,
    Image: testbed.neo4jImage,
    Labels: { [TESTBED_LABEL]: testbed.id },
    Entrypoint: ['sleep', '600'],
    Cmd: [],
    HostConfig: { NetworkMode: 'none' },
  });
  await container.start();
  id = container.id;
});
after(async () => {
  for (const { volume } of await recorded()) await clearInterruption(engine, volume);
  await removeContainer(engine, id);
});

const about = (action: 'stop' | 'pause') => ({
  action,
  service,
  workflowId: 'test',
  runId: randomUUID(),
  graceSeconds: 1,
});

const ACTS = {
  pause: async () => await pauseContainer(engine, id),
  stop: async () => void (await stopContainer(engine, id, 1)),
};

for (const action of ['pause', 'stop'] as const) {
  describe(`a ${action} under its record`, () => {
    it('stands, and its record with it', async () => {
      await underRecord(engine, await now(), about(action), ACTS[action]);
      const { paused, running } = await now();
      assert.equal(action === 'pause' ? paused : !running, true);
      assert.deepEqual(
        (await recorded()).map((one) => [one.action, one.containerId]),
        [[action, id]],
      );
      for (const { volume } of await recorded()) await clearInterruption(engine, volume);
      await startContainer(engine, id);
    });

    it('is undone by whoever did it when another attempt has closed the window meanwhile', async () => {
      const late = async () => {
        for (const { volume } of await recorded()) await clearInterruption(engine, volume);
        await ACTS[action]();
      };
      await failsWith('WindowLost', underRecord(engine, await now(), about(action), late), /another attempt/);
      const { paused, running } = await now();
      assert.deepEqual({ paused, running }, { paused: false, running: true });
    });
  });
}
