import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { DirectoryRepository } from '../../../src/adapters/repository/directory.ts';
import { HOSTILE_TEXTS } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

const word = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('sets', 'a', 'a.b', '..', '..', 'beside', '.', '', 'a..', 'lifeboat.json'),
  },
  fc.constantFrom(...HOSTILE_TEXTS.filter((text) => text.length < 1000)),
  fc.string({ unit: 'binary', maxLength: 5 }),
);

export const REPOSITORY_KEYS = target<string>({
  name: 'repository-keys',
  what: 'keys of a repository in a folder, to write, read, list and delete: none leads out of the folder',
  share: 0.5,
  inputs: () => fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('/')),
  async read(key, sandbox) {
    const path = join(sandbox, 'repository');
    mkdirSync(path, { recursive: true });
    mkdirSync(join(sandbox, 'beside'), { recursive: true });
    writeFileSync(join(sandbox, 'beside/a'), 'not ours');
    const repository = new DirectoryRepository({ kind: 'directory', name: 'local', path });
    const written = await receptionOf(() => repository.put(key, Readable.from([Buffer.from('x')])));
    const calls = [
      () => repository.head(key),
      () => repository.get(key).then((stream) => stream.destroy()),
      () => list(repository, key),
      () => repository.delete(key),
    ];
    for (const call of calls) await receptionOf(call);
    assert.deepEqual(readdirSync(sandbox), ['beside', 'repository']);
    assert.equal(readFileSync(join(sandbox, 'beside/a'), 'utf8'), 'not ours');
    return written;
  },
});

async function list(repository: DirectoryRepository, prefix: string): Promise<void> {
  for await (const { key } of repository.list(prefix)) {
    if (!key.startsWith(prefix) || key.split('/').includes('..')) throw new Error(`It lists ${key}.`);
  }
}
