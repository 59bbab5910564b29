// needs: docker neo4j
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  beginHelper,
  createHelper,
  type HelperSpec,
  removeContainer,
  runHelper,
} from '../../src/adapters/docker/helper.ts';
import { createVolume } from '../../src/adapters/docker/volume.ts';
import { TESTBED_LABEL } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { assertConfined } from './confined.ts';

const testbed = useTestbed();
const { engine } = testbed;
const volume = `lifeboat-test-helper-${randomBytes(4).toString('hex')}`;
const labels = { [TESTBED_LABEL]: testbed.id };
const { Id: imageId } = await engine.getImage(testbed.neo4jImage).inspect();

const spec = (more: Partial<HelperSpec>): HelperSpec => ({
  name: `${volume}-${randomBytes(2).toString('hex')}`,
  imageId,
  command: [],
  env: {},
  user: '7474:7474',
  volumesFrom: [],
  binds: [`${volume}:/staging:ro`],
  labels,
  ...more,
});

/** What a script says in a helper. */
async function say(script: string, more: Partial<HelperSpec> = {}): Promise<string> {
  const helper = spec({ entrypoint: ['sh', '-c'], command: [script], ...more });
  const { exitCode, stdout, stderr } = await runHelper(engine, helper);
  assert.equal(exitCode, 0, stderr);
  return stdout.trim();
}

before(async () => {
  await createVolume(engine, volume, labels);
});
after(async () => {
  await engine.getVolume(volume).remove();
});

describe('a helper', () => {
  it('sees no network but itself', async () => {
    assert.equal(await say('ls /sys/class/net'), 'lo');
  });

  it('has no capability, not as root either, and can not get one', async () => {
    for (const user of ['7474:7474', '0:0']) {
      const status = await say('cat /proc/self/status', { user });
      for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        assert.match(status, new RegExp(`^${set}:\\s+0{16}$`, 'm'), `${set} of ${user}`);
      }
      assert.match(status, /^NoNewPrivs:\s+1$/m);
    }
  });

  it('that runs a script writes to no part of its root, and to no volume that it only reads', async () => {
    const script = 'for at in / /tmp /var/lib/neo4j /staging; do touch $at/written 2>&1 || true; done';
    const said = (await say(script, { user: '0:0' })).split('\n');
    assert.equal(said.length, 4);
    for (const line of said) assert.match(line, /Read-only file system/);
  });

  it('has limits, and they are those that the engine knows', async () => {
    for (const more of [
      { entrypoint: ['sleep'], command: ['60'] },
      { command: ['neo4j-admin', '--version'] },
    ]) {
      const id = await createHelper(engine, spec(more));
      try {
        const info = await engine.getContainer(id).inspect();
        assertConfined(info);
        assert.equal(info.HostConfig.ReadonlyRootfs, 'entrypoint' in more);
      } finally {
        await removeContainer(engine, id);
      }
    }
  });

  it('of the same name is joined, not made twice', async () => {
    const helper = spec({ entrypoint: ['sh', '-c'], command: ['sleep 2; echo done'] });
    const [first, second] = [await beginHelper(engine, helper), await beginHelper(engine, helper)];
    assert.equal(first.id, second.id);
    assert.equal((await runHelper(engine, helper)).stdout.trim(), 'done');
  });
});
