// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, beforeEach, describe, it } from 'node:test';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import type { Repository } from '../../src/adapters/repository/repository.ts';
import { failsWith } from './failure.ts';
import { describeRepository } from './repository-contract.ts';

const base = await mkdtemp(join(tmpdir(), 'lifeboat-directory-'));
after(() => rm(base, { recursive: true, force: true }));

let path: string;
let repository: Repository;
beforeEach(async () => {
  path = await mkdtemp(join(base, 'repository-'));
  repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
});

describeRepository('directory', async () => {
  const fresh = await mkdtemp(join(base, 'repository-'));
  return new DirectoryRepository({ kind: 'directory', name: 'local', path: fresh });
});

describe('a directory repository', () => {
  it('says how much room there is, and refuses what can not fit before it reads a byte', async () => {
    assert.ok(((await repository.freeBytes()) ?? 0) > 0);
    const source = new Readable({ read: () => assert.fail('nothing may be read') });
    await failsWith('InsufficientSpace', repository.put('sets/a/b', source, { bytes: 2 ** 60 }));
    assert.deepEqual(await readdir(path), []);
  });

  it('says when the folder is missing', async () => {
    await rm(path, { recursive: true });
    await failsWith('RepositoryNotFound', repository.check(), /local.*does not exist|does not exist/);
    await failsWith('RepositoryNotFound', repository.put('sets/a', Readable.from(['x'])));
    await failsWith('RepositoryNotFound', repository.get('sets/a'));
    await failsWith('RepositoryNotFound', repository.head('sets/a'));
  });

  it('writes nothing below a disk that is not mounted', async () => {
    const disk = new DirectoryRepository({ kind: 'directory', name: 'disk', path, mountpoint: true });
    await failsWith('RepositoryUnreachable', disk.check(), /disk.*is not mounted/);
    await failsWith('RepositoryUnreachable', disk.put('sets/a', Readable.from(['x'])));
    await failsWith('RepositoryUnreachable', disk.head('sets/a'));
    await assert.rejects(async () => {
      for await (const _ of disk.list('')) assert.fail();
    }, /is not mounted/);
    assert.deepEqual(await readdir(path), []);
  });

  it('is written when its disk is mounted', {
    skip: process.getuid?.() !== 0 && 'needs root for a small tmpfs',
  }, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
    try {
      await new DirectoryRepository({ kind: 'directory', name: 'disk', path, mountpoint: true }).check();
      assert.deepEqual(await readdir(path), ['lifeboat.json']);
    } finally {
      execFileSync('umount', [path]);
    }
  });

  it('says when a file is in the place of the folder', async () => {
    await rm(path, { recursive: true });
    await writeFile(path, '');
    await failsWith('RepositoryNotFound', repository.check(), /not a folder/);
  });

  it('follows no symbolic link out of the repository', async () => {
    const outside = await mkdtemp(join(base, 'outside-'));
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(path, 'sets'));
    await symlink(join(outside, 'secret'), join(path, 'lifeboat.json'));
    await failsWith('RepositoryAccessDenied', repository.get('sets/secret'));
    await failsWith('RepositoryAccessDenied', repository.get('lifeboat.json'));
    await assert.rejects(repository.put('sets/x', Readable.from(['x'])));
    await assert.rejects(repository.delete('sets/secret'));
    for await (const { key } of repository.list('')) assert.fail(key);
    assert.deepEqual(await readdir(outside), ['secret']);
  });

  it('shows no half-written object after a crash, and sweeps what it left', async () => {
    await mkdir(join(path, 'sets/one'), { recursive: true });
    const partial = join(path, 'sets/one/.lifeboat-00000000-0000-4000-8000-000000000000.partial');
    await writeFile(partial, 'half');
    await writeFile(join(path, 'sets/one/.keep'), 'not ours');
    for await (const { key } of repository.list('')) assert.fail(key);
    assert.equal(await repository.sweep(60_000), 0);
    const old = new Date(Date.now() - 120_000);
    await utimes(partial, old, old);
    assert.equal(await repository.sweep(60_000), 1);
    assert.deepEqual(await readdir(join(path, 'sets/one')), ['.keep']);
  });

  it('lets only one of two writers of a key win', async () => {
    const put = (what: string) => repository.put('sets/a/b/c', Readable.from([what]));
    const outcomes = await Promise.allSettled([put('one'), put('two'), put('three')]);
    const [winner, ...others] = outcomes.filter(({ status }) => status === 'fulfilled');
    assert.ok(winner);
    assert.deepEqual(others, []);
    assert.ok(['one', 'two', 'three'].includes(await text(await repository.get('sets/a/b/c'))));
    assert.deepEqual(await readdir(join(path, 'sets/a/b')), ['c']);
  });

  it('removes the folders that a deletion leaves empty, and no others', async () => {
    await repository.put('sets/a/b/c', Readable.from(['x']));
    await repository.put('sets/b/b/c', Readable.from(['x']));
    await repository.delete('sets/a/b/c');
    assert.deepEqual(await readdir(join(path, 'sets')), ['b']);
    await repository.delete('sets/b/b/c');
    assert.deepEqual(await readdir(path), ['sets']);
  });

  it('lists nothing outside of its folder', async () => {
    await writeFile(join(base, 'secret'), 'x');
    for (const prefix of ['../', '../sec', 'sets/../../', '\0/', './', '/']) {
      for await (const { key } of repository.list(prefix)) assert.fail(`"${prefix}" lists ${key}`);
    }
  });

  it('knows that a folder is no object', async () => {
    await repository.put('sets/a/b', Readable.from(['x']));
    assert.equal(await repository.delete('sets/a'), 'absent');
    assert.equal(await repository.head('sets/a'), null);
    assert.ok(await repository.head('sets/a/b'));
  });

  it('leaves alone what is not its own', async () => {
    await writeFile(join(path, 'lifeboat.json'), '{"hello": "world"}');
    await failsWith('InvalidConfiguration', repository.check(), /folder of its own/);
    assert.equal(await readFile(join(path, 'lifeboat.json'), 'utf8'), '{"hello": "world"}');
  });

  it('says that a full disk is full', {
    skip: process.getuid?.() !== 0 && 'needs root for a small tmpfs',
  }, async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
    try {
      const source = Readable.from(
        (function* () {
          for (let i = 0; i < 40; i += 1) yield Buffer.alloc(64 * 1024, i);
        })(),
      );
      await failsWith('InsufficientSpace', repository.put('sets/a/big', source), /local/);
      assert.deepEqual(await readdir(join(path, 'sets/a')), []);
      execFileSync('mount', ['-o', 'remount,ro', path]);
      await failsWith('RepositoryNotWritable', repository.check());
      await failsWith('RepositoryNotWritable', repository.put('sets/b', Readable.from(['x'])), /read-only/);
      assert.equal(await repository.head('sets/b'), null);
    } finally {
      execFileSync('umount', [path]);
    }
  });
});
