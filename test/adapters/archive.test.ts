// needs: docker neo4j
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { readFileFrom, writeFileInto } from '../../src/adapters/docker/archive.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import { TESTBED_LABEL } from '../testbed/neo4j.ts';
import { useTestbed } from '../testbed/testbed.ts';

const testbed = useTestbed();
const { engine } = testbed;
const MIB = 1024 * 1024;
const blocks = Array.from({ length: 24 }, () => randomBytes(MIB));
const options = { bytes: blocks.length * MIB, owner: { uid: 0, gid: 0 } };
let container: string;

before(async () => {
  // Never started: so is the container through which staging is reached.
  const created = await engine.createContainer({
    Image: testbed.neo4jImage,
    Labels: { [TESTBED_LABEL]: testbed.id },
    HostConfig: { NetworkMode: 'none' },
  });
  container = created.id;
});
after(async () => {
  await engine.getContainer(container).remove({ v: true });
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('a file of many pieces comes out of a container as it was put in', async () => {
  await writeFileInto(engine, container, '/tmp/file', Readable.from(blocks), options);
  const read = await buffer(await readFileFrom(engine, container, '/tmp/file'));
  assert.equal(read.length, options.bytes);
  assert.equal(digest(read), digest(Buffer.concat(blocks)));
});

test('a reader that has seen enough ends the transfer', async () => {
  const file = await readFileFrom(engine, container, '/tmp/file');
  for await (const piece of file) {
    assert.ok(piece.length > 0);
    break;
  }
  assert.ok(file.destroyed);
});

test('a directory is no file', async () => {
  await assert.rejects(
    readFileFrom(engine, container, '/tmp'),
    /\/tmp in the container .* is not a regular file/,
  );
});

test('what the source of a file fails with is what its writer hears', async () => {
  const broken = new LifeboatError('ArtifactCorrupt', 'The artifact is not what was written.');
  const source = Readable.from(
    (async function* () {
      yield blocks[0];
      throw broken;
    })(),
  );
  await assert.rejects(writeFileInto(engine, container, '/tmp/broken', source, options), broken);
});

test('a source that ends too early, and a container that is not there, are told', async () => {
  const short = Readable.from(blocks.slice(1));
  await assert.rejects(
    writeFileInto(engine, container, '/tmp/short', short, options),
    /write \/tmp\/short into/,
  );
  const whole = Readable.from(blocks);
  await assert.rejects(
    writeFileInto(engine, 'not-there', '/tmp/file', whole, options),
    /No such container: not-there/,
  );
  assert.ok(whole.destroyed);
});
