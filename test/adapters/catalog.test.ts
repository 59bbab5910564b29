// needs: nothing
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, beforeEach, describe, it } from 'node:test';
import {
  commitManifest,
  listSets,
  problemOf,
  readManifest,
  readSets,
} from '../../src/adapters/repository/catalog.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import type { Repository } from '../../src/adapters/repository/repository.ts';
import { resolveSet } from '../../src/adapters/repository/resolve-set.ts';
import {
  deleteSet,
  orphans,
  releaseHold,
  tombstone,
  tombstones,
  type Verdict,
  writeHold,
  writeVerdict,
} from '../../src/adapters/repository/set-marks.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { KEYS, setId } from '../../src/model/names.ts';
import { failsWith } from './failure.ts';
import { keys } from './repository-contract.ts';

const base = await mkdtemp(join(tmpdir(), 'lifeboat-catalog-'));
after(() => rm(base, { recursive: true, force: true }));

const [OLD, MIDDLE, NEW] = ['20261101T030000Z-aaaaaa', '20261110T030000Z-bbbbbb', '20261120T030000Z-cccccc'];

let path: string;
let repository: Repository;
beforeEach(async () => {
  path = await mkdtemp(join(base, 'repository-'));
  repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
});

describe('committing a set', () => {
  it('makes it readable as it was written', async () => {
    await commitManifest(repository, manifest(OLD));
    assert.deepEqual(await readManifest(repository, OLD), manifest(OLD));
  });

  it('happens once', async () => {
    await commitManifest(repository, manifest(OLD));
    await failsWith('KeyExists', commitManifest(repository, manifest(OLD)));
  });

  it('refuses a manifest that could not be read back', async () => {
    const wrong = {
      ...manifest(OLD),
      artifacts: [{ ...artifact(OLD), path: `sets/${NEW}/graph/neo4j.dump` }],
    };
    await failsWith('ManifestInvalid', commitManifest(repository, wrong));
    assert.deepEqual(await keys(repository, ''), []);
  });
});

describe('a manifest', () => {
  const broken: [what: string, type: 'ManifestInvalid' | 'ManifestTooNew', text: string][] = [
    ['that is cut', 'ManifestInvalid', JSON.stringify(manifest(OLD)).slice(0, -20)],
    ['that is empty', 'ManifestInvalid', ''],
    ['of another set', 'ManifestInvalid', JSON.stringify(manifest(NEW))],
    ['of a later format', 'ManifestTooNew', JSON.stringify({ ...manifest(OLD), format: 2 })],
    [
      'with a path that leaves the repository',
      'ManifestInvalid',
      JSON.stringify({ ...manifest(OLD), artifacts: [{ ...artifact(OLD), path: `sets/${OLD}/../../x` }] }),
    ],
  ];
  for (const [what, type, text] of broken) {
    it(`${what} is refused, and named in a listing beside the good ones`, async () => {
      await commitManifest(repository, manifest(MIDDLE));
      await writeFile(join(path, KEYS.manifest(OLD)), text);
      await failsWith(type, readManifest(repository, OLD), new RegExp(OLD));
      const [good, bad] = await readSets(repository);
      assert.ok(good && bad);
      assert.equal(problemOf(good), null);
      assert.equal(bad.set, OLD);
      assert.match(problemOf(bad) ?? '', new RegExp(OLD));
      await failsWith('SetNotFound', resolveSet(repository, `before 2026-11-05T00:00:00Z`));
    });
  }

  it('that is too large is refused unread', async () => {
    await mkdir(join(path, 'manifests'));
    await writeFile(join(path, KEYS.manifest(OLD)), Buffer.alloc(33 * 1024 * 1024, ' '));
    await failsWith('ManifestInvalid', readManifest(repository, OLD), /bytes/);
  });

  it('that is not there is no set', async () => {
    await failsWith('SetNotFound', readManifest(repository, OLD));
    await failsWith('SetNotFound', readManifest(repository, '../../etc/passwd'));
  });
});

describe('the list of sets', () => {
  it('is newest first, in pages, and told from keys', async () => {
    for (const set of [MIDDLE, OLD, NEW]) await commitManifest(repository, manifest(set));
    assert.deepEqual(await ids(), [NEW, MIDDLE, OLD]);
    assert.deepEqual(await ids({ limit: 2 }), [NEW, MIDDLE]);
    assert.deepEqual(await ids({ limit: 2, before: MIDDLE }), [OLD]);
  });

  it('knows verdicts and holds', async () => {
    for (const set of [OLD, NEW]) await commitManifest(repository, manifest(set));
    await writeVerdict(repository, OLD, verdict('verify', 'failed', '2026-11-21T00:00:00Z'));
    await writeVerdict(repository, OLD, verdict('drill', 'ok', '2026-11-22T00:00:00Z'));
    await writeHold(repository, OLD, hold('2026-11-22T00:00:00Z'));
    const [newest, oldest] = await listSets(repository);
    assert.deepEqual(newest?.verdicts, []);
    assert.equal(newest?.held, false);
    assert.deepEqual(oldest?.verdicts, [
      { time: '2026-11-21T00-00-00-000Z', kind: 'verify', verdict: 'failed' },
      { time: '2026-11-22T00-00-00-000Z', kind: 'drill', verdict: 'ok' },
    ]);
    assert.equal(oldest?.held, true);
    await releaseHold(repository, OLD, hold('2026-11-23T00:00:00Z'));
    assert.equal((await listSets(repository))[1]?.held, false);
  });

  it('leaves out what was given up, unless it is asked for', async () => {
    for (const set of [OLD, NEW]) await commitManifest(repository, manifest(set));
    await tombstone(repository, OLD, { time: new Date(), reason: 'retention' });
    await tombstone(repository, OLD, { time: new Date(), reason: 'retention' });
    assert.deepEqual(await ids(), [NEW]);
    assert.deepEqual(
      (await listSets(repository, { tombstoned: true })).map(({ set, tombstoned }) => [set, tombstoned]),
      [
        [NEW, false],
        [OLD, true],
      ],
    );
  });

  it('is not disturbed by files of others', async () => {
    await commitManifest(repository, manifest(OLD));
    await writeFile(join(path, 'manifests/notes.txt'), 'hello');
    await mkdir(join(path, 'manifests/folder'));
    await writeFile(join(path, 'manifests/folder/x.json'), '{}');
    assert.deepEqual(await ids(), [OLD]);
  });

  it('holds with 10,000 sets', async () => {
    await mkdir(join(path, 'manifests'));
    const text = JSON.stringify(manifest(OLD));
    for (let i = 0; i < 10_000; i += 100) {
      const some = Array.from(
        { length: 100 },
        (_, j) => `20260101T${String(i + j).padStart(6, '0')}Z-abcdef`,
      );
      await Promise.all(
        some.map((set) => writeFile(join(path, KEYS.manifest(set)), text.replaceAll(OLD, set))),
      );
    }
    assert.equal((await listSets(repository)).length, 10_000);
    const [newest] = await readSets(repository, { limit: 1 });
    assert.equal(newest?.set, '20260101T009999Z-abcdef');
    assert.ok(newest && 'manifest' in newest);
    assert.equal((await readSets(repository)).length, 10_000);
  });
});

describe('finding a set', () => {
  it('goes by id, by the beginning of one, and by words', async () => {
    for (const set of [OLD, MIDDLE]) await commitManifest(repository, manifest(set));
    await commitManifest(repository, { ...manifest(NEW), state: 'partial' });
    await writeVerdict(repository, OLD, verdict('verify', 'ok', '2026-11-21T00:00:00Z'));
    const found = async (selector: string) => (await resolveSet(repository, selector)).set;
    assert.equal(await found(MIDDLE), MIDDLE);
    assert.equal(await found('20261110'), MIDDLE);
    assert.equal(await found(NEW), NEW, 'a partial set only when it is named');
    assert.equal(await found('latest'), MIDDLE);
    assert.equal(await found('latest  verified'), OLD);
    assert.equal(await found('before 2026-11-10T03:00:00Z'), OLD);
    assert.equal(await found('before 2026-11-10 05:00+01:00'), MIDDLE);
    await tombstone(repository, MIDDLE, { time: new Date(), reason: 'retention' });
    assert.equal(await found('latest'), OLD);
    await failsWith('SetNotFound', resolveSet(repository, MIDDLE));
  });

  it('says what there is when it finds none or several', async () => {
    await failsWith('SetNotFound', resolveSet(repository, 'latest'), /holds no sets/);
    for (const set of [OLD, MIDDLE]) await commitManifest(repository, manifest(set));
    await failsWith('SetNotFound', resolveSet(repository, '202611'), /Give more of the id/);
    await failsWith('SetNotFound', resolveSet(repository, 'x'), new RegExp(MIDDLE));
    await failsWith('SetNotFound', resolveSet(repository, ''), new RegExp(MIDDLE));
    await failsWith('SetNotFound', resolveSet(repository, 'latest verified'), new RegExp(MIDDLE));
    await failsWith('InvalidInput', resolveSet(repository, 'before teatime'), /teatime/);
  });

  it('takes no set for the latest that is dated in the future, and finds it by its id', async () => {
    const ahead = setId(new Date(Date.now() + 60 * 60 * 1000), 'dddddd');
    await commitManifest(repository, manifest(ahead));
    await failsWith('SetNotFound', resolveSet(repository, 'latest'), /dated in the future.*by its id/);
    await commitManifest(repository, manifest(OLD));
    for (const set of [OLD, ahead]) {
      await writeVerdict(repository, set, verdict('verify', 'ok', '2026-11-21T00:00:00Z'));
    }
    assert.equal((await resolveSet(repository, 'latest')).set, OLD);
    assert.equal((await resolveSet(repository, 'latest verified')).set, OLD);
    assert.equal((await resolveSet(repository, ahead)).set, ahead);
  });

  it('does not take a set as verified whose last verdict is bad', async () => {
    await commitManifest(repository, manifest(OLD));
    await writeVerdict(repository, OLD, verdict('verify', 'ok', '2026-11-21T00:00:00Z'));
    assert.equal((await resolveSet(repository, 'latest verified')).set, OLD);
    await writeVerdict(repository, OLD, verdict('drill', 'failed', '2026-11-22T00:00:00Z'));
    await failsWith('SetNotFound', resolveSet(repository, 'latest verified'));
    await writeVerdict(repository, OLD, verdict('verify', 'ok', '2026-11-23T00:00:00Z'));
    await failsWith('SetNotFound', resolveSet(repository, 'latest verified'));
    await writeVerdict(repository, OLD, verdict('drill', 'ok-in-part', '2026-11-24T00:00:00Z'));
    await failsWith('SetNotFound', resolveSet(repository, 'latest verified'));
    await writeVerdict(repository, OLD, verdict('drill', 'ok', '2026-11-25T00:00:00Z'));
    assert.equal((await resolveSet(repository, 'latest verified')).set, OLD);
  });
});

describe('deleting a set', () => {
  const reason = { time: new Date('2026-11-23T00:00:00Z'), reason: 'retention' };

  it('removes everything of it and nothing of another', async () => {
    for (const set of [OLD, NEW]) await whole(set);
    const before = await keys(repository, '');
    const done = await deleteSet(repository, OLD, reason);
    assert.equal(done.deleted, 6);
    assert.deepEqual(done.locked, []);
    assert.deepEqual(
      await keys(repository, ''),
      before.filter((key) => !key.includes(OLD)),
    );
  });

  it('can be cut at any step and finished later; the set is offered at none of them', async () => {
    for (let step = 0; step < 6; step += 1) {
      await whole(OLD);
      await assert.rejects(deleteSet(failingAfter(repository, step), OLD, reason), { message: 'cut' });
      assert.deepEqual(await ids(), []);
      assert.deepEqual(await tombstones(repository), [OLD]);
      assert.deepEqual(await orphans(repository, 0, new Date()), []);
      await deleteSet(repository, OLD, reason);
      assert.deepEqual(await keys(repository, ''), []);
    }
  });

  it('leaves a set alone that was pinned after its removal was decided', async () => {
    await whole(OLD);
    await writeHold(repository, OLD, hold('2026-11-22T00:00:00Z'));
    const before = await keys(repository, '');
    const done = await deleteSet(repository, OLD, reason);
    assert.deepEqual([done.held, done.hidden, done.deleted], [true, false, 0]);
    assert.deepEqual(await keys(repository, ''), before);
    assert.deepEqual(await ids(), [OLD]);
  });

  it('hides no pinned set, whenever it is cut', async () => {
    await whole(OLD);
    await writeHold(repository, OLD, hold('2026-11-22T00:00:00Z'));
    const cut = listingBy(repository, async function* (prefix, options) {
      if (prefix.startsWith(KEYS.holds) && (await tombstones(repository)).length > 0) throw new Error('cut');
      yield* repository.list(prefix, options);
    });
    await deleteSet(cut, OLD, reason).catch(() => {});
    assert.deepEqual(await ids(), [OLD]);
  });

  it('tells of a pinned set that a tombstone hides', async () => {
    await whole(OLD);
    // It is pinned just after its removal was decided, where the store lets nothing be taken back.
    const pinned = {
      ...deletingBy(repository, async () => 'locked'),
      put: async (...args: Parameters<Repository['put']>) => {
        const stored = await repository.put(...args);
        await writeHold(repository, OLD, hold('2026-11-22T00:00:00Z'));
        return stored;
      },
    };
    for (const attempt of [pinned, repository]) {
      const done = await deleteSet(attempt, OLD, reason);
      assert.deepEqual([done.held, done.hidden, done.deleted], [true, true, 0]);
    }
  });

  it('leaves manifest and tombstone while the store keeps an artifact', async () => {
    await whole(OLD);
    const done = await deleteSet(
      deletingBy(repository, async (key) =>
        key.endsWith('.dump') ? 'locked' : await repository.delete(key),
      ),
      OLD,
      reason,
    );
    assert.deepEqual(done.locked, [`sets/${OLD}/graph/neo4j.dump`]);
    assert.deepEqual(await tombstones(repository), [OLD]);
    assert.ok(await repository.head(KEYS.manifest(OLD)));
    assert.deepEqual(await ids(), []);
  });
});

describe('orphans', () => {
  it('are folders of artifacts without a manifest, whose run and whose newest object are older than the grace', async () => {
    await put(`sets/${OLD}/graph/neo4j.dump`);
    await put(`sets/${OLD}/vectors/a.snapshot`);
    await whole(MIDDLE);
    const hour = 60 * 60 * 1000;
    const later = (hours: number) => new Date(Date.now() + hours * hour);
    await put(`sets/${setId(later(2), 'abcdef')}/graph/neo4j.dump`);
    await put('sets/somebody-elses/graph/neo4j.dump');
    assert.deepEqual(
      await orphans(repository, 2 * hour, later(1)),
      [],
      'a copy of an old set may be under way',
    );
    assert.deepEqual(await orphans(repository, 2 * hour, later(3)), [
      { set: OLD, keys: [`sets/${OLD}/graph/neo4j.dump`, `sets/${OLD}/vectors/a.snapshot`], bytes: 2 },
    ]);
  });
});

async function ids(options: Parameters<typeof listSets>[1] = {}): Promise<string[]> {
  return (await listSets(repository, options)).map(({ set }) => set);
}

async function put(key: string): Promise<void> {
  await repository.put(key, Readable.from([Buffer.from('x')]));
}

/** A set with one artifact, a verdict and a hold that was released. */
async function whole(set: string): Promise<void> {
  await put(`sets/${set}/graph/neo4j.dump`);
  await commitManifest(repository, manifest(set));
  await writeVerdict(repository, set, verdict('verify', 'ok', '2026-11-21T00:00:00Z'));
  await writeHold(repository, set, hold('2026-11-21T00:00:00Z'));
  await releaseHold(repository, set, hold('2026-11-21T01:00:00Z'));
}

/** The real repository, whose connection breaks after so many deletions. */
function failingAfter(real: Repository, deletions: number): Repository {
  let left = deletions;
  return deletingBy(real, async (key) => {
    if (left === 0) throw new Error('cut');
    left -= 1;
    return await real.delete(key);
  });
}

/** The real repository but for its deletions. */
function deletingBy(real: Repository, remove: Repository['delete']): Repository {
  return {
    name: real.name,
    kind: real.kind,
    location: real.location,
    check: (signal) => real.check(signal),
    freeBytes: () => real.freeBytes(),
    put: (...args) => real.put(...args),
    get: (...args) => real.get(...args),
    head: (key) => real.head(key),
    list: (...args) => real.list(...args),
    sweep: (...args) => real.sweep(...args),
    close: () => real.close(),
    delete: remove,
  };
}

/** The real repository but for its listings. */
const listingBy = (real: Repository, list: Repository['list']): Repository => ({
  ...deletingBy(real, (key) => real.delete(key)),
  list,
});

const verdict = (kind: Verdict['kind'], outcome: Verdict['verdict'], time: string) => ({
  kind,
  verdict: outcome,
  time: new Date(time),
  findings: {},
});

const hold = (time: string) => ({ time: new Date(time), by: 'an operator', reason: 'before the upgrade' });

function artifact(set: string): Manifest['artifacts'][number] {
  return {
    service: 'graph',
    kind: 'neo4j-dump',
    name: 'neo4j',
    path: `sets/${set}/graph/neo4j.dump`,
    stored: { bytes: 1, sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' },
    content: { bytes: 1, sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' },
    compression: 'none',
    encryption: 'none',
    capturedAt: createdAt(set),
  };
}

function manifest(set: string): Manifest {
  return {
    kind: 'lifeboat/backup-set',
    format: 1,
    set,
    createdAt: createdAt(set),
    completedAt: createdAt(set),
    lifeboat: '0.1.0',
    run: { workflowId: 'backup', runId: 'one' },
    state: 'complete',
    consistent: false,
    skewSeconds: null,
    services: [],
    failures: [],
    encryption: null,
    artifacts: [artifact(set)],
  };
}

function createdAt(set: string): string {
  return set.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z');
}
