// needs: nothing
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { modeOf } from '../../src/activities/capture-mode.ts';
import { parseVersion } from '../../src/adapters/neo4j/version.ts';
import { commitManifest } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { writeVerdict } from '../../src/adapters/repository/set-marks.ts';
import { setId } from '../../src/model/names.ts';
import { graphService } from '../testbed/sample-services.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';

const GRAPH = graphService();
const FOUND = { running: true, imageId: 'sha256:none', env: {} };

const base = await mkdtemp(join(tmpdir(), 'lifeboat-proven-'));
after(() => rm(base, { recursive: true, force: true }));

let repository: DirectoryRepository;
beforeEach(async () => {
  const path = await mkdtemp(join(base, 'repository-'));
  repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
});

async function commit(hour: number): Promise<string> {
  const createdAt = new Date(Date.UTC(2026, 10, 1, hour));
  const set = setId(createdAt, 'aaaaaa');
  await commitManifest(repository, sampleManifest(set, createdAt));
  return set;
}

const drill = async (set: string, verdict: 'ok' | 'ok-in-part', minute: number, ...services: string[]) =>
  await writeVerdict(repository, set, {
    kind: 'drill',
    verdict,
    time: new Date(Date.UTC(2026, 11, 1, 0, minute)),
    findings: { services: services.map((service) => ({ service, verdict: 'ok' })) },
  });

const chosen = async () =>
  (await modeOf(GRAPH, FOUND, parseVersion('5.26.0'), repository, new AbortController().signal)).mode;

test('a drill of another service of the set proves nothing of this one', async () => {
  const set = await commit(0);
  assert.equal(await chosen(), 'copy');
  await drill(set, 'ok-in-part', 0, 'vectors');
  assert.equal(await chosen(), 'copy');
  await drill(set, 'ok-in-part', 1, 'graph');
  assert.equal(await chosen(), 'freeze');
});

test('a drill stays a proof when many sets were taken since', async () => {
  const oldest = await commit(0);
  for (let hour = 1; hour <= 30; hour += 1) await commit(hour);
  assert.equal(await chosen(), 'copy');
  await drill(oldest, 'ok', 0, 'graph', 'vectors');
  assert.equal(await chosen(), 'freeze');
});
