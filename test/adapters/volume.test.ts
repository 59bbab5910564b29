// needs: docker
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVolume, listVolumes } from '../../src/adapters/docker/volume.ts';
import { startPrivateEngine, stopPrivateEngine } from '../testbed/engine.ts';
import { useTestbed } from '../testbed/testbed.ts';

const testbed = useTestbed();

test('a volume of which an engine that was stopped knows only the name is made anew, with its labels', async (context) => {
  if (!testbed.docker.private) return context.skip('the machine has an engine of its own');
  const directory = await mkdtemp(join(testbed.directory, 'engine-'));
  try {
    // What the engine has made of a volume before it writes down its labels.
    await mkdir(join(directory, 'data', 'volumes', 'half-made', '_data'), { recursive: true });
    const { docker } = await startPrivateEngine({ directory });
    assert.equal((await docker.getVolume('half-made').inspect()).Labels, null);
    const { labels } = await createVolume(docker, 'half-made', { 'lifeboat.role': 'debt' });
    assert.equal(labels['lifeboat.role'], 'debt');
    const found = async () =>
      (await listVolumes(docker, { 'lifeboat.role': 'debt' })).map(({ name }) => name);
    assert.deepEqual(await found(), ['half-made']);
    await createVolume(docker, 'half-made', { 'lifeboat.role': 'other' });
    assert.deepEqual(await found(), ['half-made'], 'one that has labels is taken as it is');
  } finally {
    await stopPrivateEngine(directory);
    await rm(directory, { recursive: true, force: true });
  }
});
