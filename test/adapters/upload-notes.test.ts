// needs: nothing
import assert from 'node:assert/strict';
import { appendFile, chmod, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { SourceChanged } from '../../src/adapters/repository/source-changed.ts';
import { type FoundNote, UploadNotes } from '../../src/adapters/repository/upload-notes.ts';
import { Secret } from '../../src/config/secret.ts';

const base = await mkdtemp(join(tmpdir(), 'lifeboat-notes-'));
after(() => rm(base, { recursive: true, force: true }));

let directory: string;
let notes: UploadNotes;
const id = ['run', 'offsite', 's3://bucket', 'sets/a/s/x'];
const first = { number: 1, bytes: 100, sum: 'aaaa' };

const note = (more: Partial<FoundNote> = {}): FoundNote => ({
  workflowId: 'backup',
  runId: 'run',
  repository: 'offsite',
  key: 'sets/a/s/x',
  upload: 'token/id',
  source: '100 bytes',
  recipients: ['age1x'],
  seal: new Secret('key material'),
  sent: new Map(),
  ...more,
});

beforeEach(async () => {
  directory = join(await mkdtemp(join(base, 'one-')), 'notes');
  notes = new UploadNotes(directory, 'here');
});

describe('notes of uploads under way', () => {
  it('are read by the next worker, and by nobody else on the machine', async () => {
    const mine = note();
    await notes.write(id, mine);
    await notes.sending(id, mine, first);
    const found = await new UploadNotes(directory, 'here').read(id);
    assert.deepEqual([found?.upload, found?.seal?.reveal()], ['token/id', 'key material']);
    assert.deepEqual([...(found?.sent.values() ?? [])], [first]);
    const [file = ''] = await readdir(directory);
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600);
    assert.equal(await notes.read(['another']), null);
    assert.equal(await new UploadNotes(directory, 'elsewhere').read(id), null);
    await notes.forget(id);
    assert.deepEqual(await readdir(directory), []);
  });

  it('let no part leave with two contents', async () => {
    await notes.write(id, note());
    await notes.sending(id, note(), first);
    const again = await notes.read(id);
    assert.ok(again);
    await notes.sending(id, again, first);
    await assert.rejects(notes.sending(id, again, { ...first, sum: 'bbbb' }), SourceChanged);
    await assert.rejects(notes.sending(id, again, { ...first, bytes: 99 }), SourceChanged);
    assert.deepEqual(await notes.read(id), again);
    // An upload that was gone, and begun anew under the same seal.
    await notes.write(id, { ...again, upload: 'token/second' });
    assert.deepEqual((await notes.read(id))?.sent, again.sent);
  });

  it('that were cut on their way are read as far as they were whole', async () => {
    const mine = note();
    await notes.write(id, mine);
    await notes.sending(id, mine, first);
    const [file = ''] = await readdir(directory);
    await appendFile(join(directory, file), '{"number":2,"byt');
    assert.deepEqual([...((await notes.read(id))?.sent.keys() ?? [])], [1]);
    await appendFile(join(directory, file), '\n');
    assert.equal(await notes.read(id), null);
  });

  it('of runs that are over are forgotten, and those of other installations left alone', async () => {
    const others = new UploadNotes(directory, 'elsewhere');
    await others.write(id, note({ runId: 'over' }));
    await notes.write(['a'], note({ runId: 'over' }));
    await notes.write(['b'], note({ runId: 'open' }));
    const isOver = async ({ runId }: { runId: string }) => runId === 'over';
    const away = async () => await Promise.reject(new Error('the store is away'));
    assert.equal(await notes.sweep(isOver, away), 0);
    const given: string[] = [];
    const giveUp = async ({ repository, key, upload }: Record<'repository' | 'key' | 'upload', string>) =>
      void given.push(`${repository} ${key} ${upload}`);
    assert.equal(await notes.sweep(isOver, giveUp), 1);
    assert.deepEqual(given, ['offsite sets/a/s/x token/id']);
    assert.deepEqual([await notes.read(['a']), (await notes.read(['b']))?.runId], [null, 'open']);
    assert.ok(await others.read(id));
  });

  it('are left alone while they are written', async () => {
    await notes.write(id, note({ runId: 'over' }));
    const [file = ''] = await readdir(directory);
    await truncate(join(directory, file));
    assert.equal(
      await notes.sweep(
        async () => true,
        async () => {},
      ),
      0,
    );
    assert.deepEqual(await readdir(directory), [file]);
  });

  it('leave no folder behind that was made for them, unless one is in it', async () => {
    const made = join(directory, 'made');
    const [one, other] = [new UploadNotes(made, 'here'), new UploadNotes(made, 'elsewhere')];
    await one.close();
    await assert.rejects(readdir(made), { code: 'ENOENT' });
    assert.equal(
      await other.sweep(
        async () => true,
        async () => {},
      ),
      0,
    );
    assert.equal(await other.write(id, note()), true);
    await other.close();
    assert.equal((await readdir(made)).length, 1);
    await rm(made, { recursive: true });
    await new UploadNotes(directory, 'here').close();
    assert.deepEqual(await readdir(directory), [], 'a folder that was there stays');
  });

  it('are not written where others could read them', async () => {
    await chmod(directory, 0o755);
    assert.throws(() => new UploadNotes(directory, 'here'), /LIFEBOAT_UPLOADS.*alone may read/s);
    assert.throws(() => new UploadNotes('/proc/nowhere', 'here'), { type: 'InvalidConfiguration' });
  });
});
