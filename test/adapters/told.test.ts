// needs: nothing
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { createNotificationActivities } from '../../src/activities/notifications.ts';
import { commitManifest } from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { writeVerdict } from '../../src/adapters/repository/set-marks.ts';
import { buildObjectives, objectivesSchema } from '../../src/config/telemetry.ts';
import { setId } from '../../src/model/names.ts';
import type { RunOutcome } from '../../src/model/notification.ts';
import { sampleManifest } from '../testbed/sample-sets.ts';
import { asActivity } from './as-activity.ts';

const HOUR = 3_600_000;
const base = await mkdtemp(join(tmpdir(), 'lifeboat-told-'));
after(() => rm(base, { recursive: true, force: true }));

/** An installation of two services and these repositories, and what its worker tells. */
async function installation(names: string[], runs: object[] = []) {
  const folder = await mkdtemp(join(base, 'installation-'));
  const repositories = new Map<string, DirectoryRepository>();
  for (const name of names) {
    await mkdir(join(folder, name));
    repositories.set(name, new DirectoryRepository({ kind: 'directory', name, path: join(folder, name) }));
  }
  const config = {
    services: [{ name: 'graph' }, { name: 'vectors' }],
    repositories: names.map((name) => ({ name })),
    objectives: buildObjectives(objectivesSchema.parse({ rpo: '26h' })),
    notifications: [{ name: 'hook' }],
  };
  const activities = createNotificationActivities({
    config: () => config,
    repository: (name: string) => repositories.get(name),
    client: {
      workflow: {
        async *list() {
          yield* runs;
        },
      },
    },
  } as unknown as Dependencies);
  const at = (name: string): DirectoryRepository => repositories.get(name)!;
  return {
    /** A set of both services that is so many hours old. */
    async set(name: string, hours: number): Promise<string> {
      const createdAt = new Date(Date.now() - hours * HOUR);
      const set = setId(createdAt, 'aaaaaa');
      await commitManifest(at(name), sampleManifest(set, createdAt));
      return set;
    },
    damaged: async (name: string, set: string) =>
      await writeVerdict(at(name), set, { kind: 'drill', verdict: 'failed', time: new Date(), findings: {} }),
    away: async (name: string) => await rename(join(folder, name), join(folder, `${name}.away`)),
    back: async (name: string) => await rename(join(folder, `${name}.away`), join(folder, name)),
    async stale(): Promise<string[]> {
      const events = await asActivity(activities.staleServices, { runId: 'this', at: Date.now() });
      return events.flatMap(({ services }) => services);
    },
    events: async (run: RunOutcome) =>
      (await asActivity(activities.eventsFor, { run })).map(({ kind }) => kind),
  };
}

describe('a stale service', () => {
  it('is told of when its newer sets are damaged, or dated in the future', async () => {
    const { set, damaged, stale } = await installation(['local']);
    await set('local', 40);
    assert.deepEqual(await stale(), ['graph', 'vectors']);
    const young = await set('local', 2);
    assert.deepEqual(await stale(), []);
    await damaged('local', young);
    assert.deepEqual(await stale(), ['graph', 'vectors']);
    await set('local', -48);
    assert.deepEqual(await stale(), ['graph', 'vectors']);
  });

  it('is told of while another repository than the primary is away, by what that one said before', async () => {
    const { set, away, back, stale } = await installation(['local', 'offsite']);
    await set('local', 40);
    await set('offsite', 2);
    assert.deepEqual(await stale(), []);
    await away('offsite');
    assert.deepEqual(await stale(), [], 'its newest set is only where nobody can look now');
    await back('offsite');
    const other = await installation(['local', 'offsite']);
    await other.set('local', 40);
    await other.set('offsite', 40);
    await other.stale();
    await other.away('offsite');
    assert.deepEqual(await other.stale(), ['graph', 'vectors']);
  });

  it('is not known of while the primary is away, nor while one is of which nothing is known', async () => {
    const { set, away, stale } = await installation(['local', 'offsite']);
    await set('local', 40);
    await away('offsite');
    await assert.rejects(stale(), /offsite/);
    const other = await installation(['local', 'offsite']);
    await other.set('local', 2);
    await other.stale();
    await other.away('local');
    await assert.rejects(other.stale(), /local/);
  });
});

describe('a replication that works again', () => {
  const replicated = (to: string, outcome: RunOutcome['outcome']): RunOutcome => ({
    operation: 'replicate',
    outcome,
    services: ['all services'],
    repositories: [to],
    finishedAt: new Date().toISOString(),
    runId: 'this',
  });
  const failed = (to: string) => ({
    runId: `${to} failed`,
    status: { name: 'FAILED' },
    searchAttributes: { LifeboatRepository: [to] },
  });

  it('is one into the same repositories', async () => {
    const { events } = await installation(['local'], [failed('a')]);
    assert.deepEqual(await events(replicated('a', 'ok')), ['success', 'recovered']);
    assert.deepEqual(await events(replicated('b', 'ok')), ['success']);
  });
});
