import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { readDescriptor } from '../../src/adapters/repository/descriptor.ts';
import type { Repository } from '../../src/adapters/repository/repository.ts';
import { failsWith } from './failure.ts';

/** What every kind of repository promises. */
export function describeRepository(kind: string, open: () => Promise<Repository>): void {
  describe(`the repository contract: ${kind}`, () => {
    let repository: Repository;
    before(async () => {
      repository = await open();
      await repository.check();
    });
    after(async () => await repository?.close());

    it('describes itself once, and can be checked as often as one likes', async () => {
      const first = await readDescriptor(repository);
      await repository.check();
      assert.deepEqual(await readDescriptor(repository), first);
      assert.deepEqual(await keys(repository, ''), ['lifeboat.json']);
    });

    for (const bytes of [0, 1, 65_536, 3_000_001, 17 * 1024 * 1024 + 3]) {
      it(`gives back ${bytes} bytes as they were put`, async () => {
        const content = randomBytes(bytes);
        const key = `sets/round-trip/service/of-${bytes}`;
        let progress = 0;
        const stored = await repository.put(key, chunked(content, 700_000), {
          onProgress: (acknowledged) => {
            assert.ok(acknowledged >= progress);
            progress = acknowledged;
          },
        });
        assert.equal(stored.bytes, bytes);
        assert.equal(progress, bytes);
        assert.equal((await repository.head(key))?.bytes, bytes);
        assert.ok((await buffer(await repository.get(key))).equals(content));
      });
    }

    it('reads a part of an object', async () => {
      const content = randomBytes(10_000);
      await repository.put('sets/range/s/a', Readable.from([content]), { bytes: 10_000 });
      const middle = await buffer(await repository.get('sets/range/s/a', { start: 100, end: 199 }));
      assert.ok(middle.equals(content.subarray(100, 200)));
      const end = await buffer(await repository.get('sets/range/s/a', { start: 9_990 }));
      assert.ok(end.equals(content.subarray(9_990)));
    });

    it('never overwrites', async () => {
      await repository.put('sets/once/s/a', Readable.from([Buffer.from('first')]));
      await failsWith('KeyExists', repository.put('sets/once/s/a', Readable.from([Buffer.from('second')])));
      assert.equal(await text(await repository.get('sets/once/s/a')), 'first');
    });

    it('shows nothing of a put whose source breaks, and tells the source’s own error', async () => {
      const source = Readable.from(
        (async function* () {
          yield randomBytes(12 * 1024 * 1024);
          throw new Error('the disk was pulled');
        })(),
      );
      await assert.rejects(repository.put('sets/broken/s/a', source), { message: 'the disk was pulled' });
      assert.equal(await repository.head('sets/broken/s/a'), null);
      assert.deepEqual(await keys(repository, 'sets/broken'), []);
    });

    it('shows nothing of a put that is cancelled', async () => {
      const cancel = new AbortController();
      let reads = 0;
      const source = new Readable({
        read() {
          reads += 1;
          if (reads === 1) this.push(randomBytes(12 * 1024 * 1024));
          else cancel.abort();
        },
      });
      const put = repository.put('sets/cancelled/s/a', source, { signal: cancel.signal });
      await assert.rejects(put, { name: 'AbortError' });
      assert.ok(source.destroyed);
      assert.deepEqual(await keys(repository, 'sets/cancelled'), []);
    });

    it('says what is not there', async () => {
      assert.equal(await repository.head('sets/missing/s/a'), null);
      await failsWith('KeyNotFound', repository.get('sets/missing/s/a'), /sets\/missing\/s\/a/);
      assert.equal(await repository.delete('sets/missing/s/a'), 'absent');
    });

    it('lists in the order of keys, below a prefix and after a key', async () => {
      const wanted = [
        'holds/a/1.hold.json',
        'holds/a.json',
        'holds/ab',
        'holds/b/x/y',
        'holds/b/y',
        'holds/c',
      ];
      for (const key of wanted) await repository.put(key, Readable.from([Buffer.from(key)]));
      const sorted = wanted.toSorted((a, b) => (a < b ? -1 : 1));
      assert.deepEqual((await keys(repository, 'holds/')).toSorted(), sorted.toSorted());
      assert.deepEqual(await keys(repository, 'holds/b/'), ['holds/b/x/y', 'holds/b/y']);
      assert.deepEqual(await keys(repository, 'holds/b/', 'holds/b/x/y'), ['holds/b/y']);
      assert.deepEqual((await keys(repository, 'holds/a')).toSorted(), sorted.slice(0, 3).toSorted());
      assert.deepEqual(await keys(repository, 'nothing/'), []);
    });

    it('deletes', async () => {
      await repository.put('sets/gone/s/a', Readable.from([Buffer.from('x')]));
      assert.equal(await repository.delete('sets/gone/s/a'), 'deleted');
      assert.equal(await repository.head('sets/gone/s/a'), null);
      assert.equal(await repository.delete('sets/gone/s/a'), 'absent');
    });

    for (const key of [
      '../outside',
      '/etc/passwd',
      'a/../../b',
      'a//b',
      '.hidden',
      'a/.b',
      '',
      'a\0b',
      'ä',
    ]) {
      it(`refuses the key ${JSON.stringify(key)}`, async () => {
        await failsWith('InvalidInput', repository.put(key, Readable.from([Buffer.from('x')])));
        await failsWith('InvalidInput', repository.get(key));
        await failsWith('InvalidInput', repository.head(key));
        await failsWith('InvalidInput', repository.delete(key));
      });
    }
  });
}

/** The keys below a prefix, as listed. */
export async function keys(repository: Repository, prefix: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of repository.list(prefix, after === undefined ? {} : { after })) found.push(key);
  return found;
}

/** A stream of these bytes in chunks of this size. */
export function chunked(content: Buffer, size: number): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
    })(),
    { objectMode: false },
  );
}
