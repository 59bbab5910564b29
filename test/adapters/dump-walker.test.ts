// needs: nothing
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { walkDump } from '../../src/adapters/neo4j/dump-walker.ts';
import { failsWith } from './failure.ts';
import { chunked } from './repository-contract.ts';

/** Written by `neo4j-admin database dump` 5.26 from a database that nobody had written to. */
const path = fileURLToPath(new URL('recordings/empty-database.dump', import.meta.url));
const dump = await readFile(path);
const inside = zstdDecompressSync(dump.subarray(4));
const facts = { files: inside.readBigInt64BE(8), bytes: inside.readBigInt64BE(16) };

const walk = (bytes: Buffer, size = 1000) => walkDump(chunked(bytes, size));

describe('walking a dump', () => {
  it('counts the files and bytes of a real one', async () => {
    const walked = await walkDump(createReadStream(path));
    assert.deepEqual(walked, { files: Number(facts.files), bytes: Number(facts.bytes), format: 'zstd' });
    assert.ok(walked.files > 30);
  });

  it('does not mind in which pieces it comes', async () => {
    for (const size of [1, 3, 4, 5, 100, dump.length]) {
      assert.equal((await walk(dump, size)).files, Number(facts.files));
    }
  });

  it('notices an end that is missing, wherever it was cut', async () => {
    for (let bytes = 0; bytes < dump.length; bytes += bytes < 200 ? 1 : 37) {
      await failsWith('DumpIncomplete', walk(dump.subarray(0, bytes)));
    }
    for (let missing = 1; missing < 20; missing += 1) {
      await failsWith('DumpIncomplete', walk(dump.subarray(0, -missing)));
    }
  });

  it('notices every changed bit that changes what is inside', async () => {
    let noticed = 0;
    for (let at = 0; at < dump.length; at += at < 30 ? 1 : 7) {
      const changed = Buffer.from(dump);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      try {
        await walk(changed, dump.length);
        // A few bits of a compressed frame are spare, or say the same in another way.
        assert.ok(zstdDecompressSync(changed.subarray(4)).equals(inside));
      } catch (error) {
        // A changed length looks like a missing end.
        assert.ok(['ArtifactCorrupt', 'DumpIncomplete'].includes((error as { type: string }).type));
        noticed += 1;
      }
    }
    assert.ok(noticed > 500);
  });

  it('reads a dump by gzip, and those of old versions without magic', async () => {
    const tar = inside.subarray(24);
    const walked = { files: Number(facts.files), bytes: Number(facts.bytes) };
    assert.deepEqual(await walk(dump.subarray(4)), { ...walked, format: 'zstd' });
    assert.deepEqual(await walk(gzipSync(tar)), { ...walked, format: 'gzip' });
    const magic = Buffer.from('DGV1');
    assert.deepEqual(await walk(Buffer.concat([magic, gzipSync(tar)])), { ...walked, format: 'gzip' });
    await failsWith('DumpIncomplete', walk(Buffer.concat([magic, gzipSync(tar).subarray(0, -100)])));
  });

  it('notices that files are missing or too many for its header', async () => {
    for (const at of [8, 16]) {
      const wrong = Buffer.from(inside);
      wrong.writeBigInt64BE(wrong.readBigInt64BE(at) + 1n, at);
      await failsWith('ArtifactCorrupt', walk(sealed(wrong)), /promises/);
    }
  });

  it('notices an archive that ends in the middle of a whole compressed stream', async () => {
    await failsWith('DumpIncomplete', walk(sealed(inside.subarray(0, 3000))));
    await failsWith('DumpIncomplete', walk(sealed(inside.subarray(0, 10))));
  });

  for (const name of ['/etc/passwd', '../outside', 'a/../../outside']) {
    it(`refuses the name ${name}`, async () => {
      await failsWith('ArtifactCorrupt', walk(sealed(await archiveOf({ name }))), /outside of its folder/);
    });
  }

  it('refuses a link', async () => {
    const link = await archiveOf({ name: 'a', type: 'symlink', linkname: '/etc/passwd' });
    await failsWith('ArtifactCorrupt', walk(sealed(link)), /neither a file nor a folder/);
  });

  it('says what is no dump at all', async () => {
    await failsWith('ArtifactCorrupt', walk(Buffer.from('age-encryption.org/v1\n')), /not a dump/);
    await failsWith('ArtifactCorrupt', walk(Buffer.alloc(1000)), /not a dump/);
    await failsWith('ArtifactCorrupt', walk(sealed(Buffer.alloc(1000))), /header/);
    await failsWith('DumpIncomplete', walk(Buffer.alloc(0)));
  });

  it('tells the source’s own error', async () => {
    const source = Readable.from(
      (async function* () {
        yield dump.subarray(0, 1000);
        throw new Error('the line was cut');
      })(),
    );
    await assert.rejects(walkDump(source), { message: 'the line was cut' });
  });

  it('ends when its source is destroyed', async () => {
    const source = new Readable({ read() {} });
    source.push(dump.subarray(0, 1000));
    const walking = walkDump(source);
    source.destroy();
    await assert.rejects(walking);
  });
});

/** As neo4j-admin seals it. */
const sealed = (content: Buffer): Buffer => Buffer.concat([Buffer.from('DZV1'), zstdCompressSync(content)]);

/** A header, and an archive with one such file. */
async function archiveOf(entry: { name: string; type?: 'symlink'; linkname?: string }): Promise<Buffer> {
  const header = Buffer.alloc(24);
  header.write('zstd', 'latin1');
  header.writeInt32BE(1, 4);
  const archive = pack();
  if (entry.type) archive.entry(entry);
  else archive.entry(entry, 'x');
  archive.finalize();
  return Buffer.concat([header, await buffer(archive)]);
}
