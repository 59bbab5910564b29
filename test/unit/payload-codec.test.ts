import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { type CodecConfig, type CodecKey, codecKeyBytes } from '../../src/config/codec.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/config/secret.ts';
import { type LifeboatError, messageOf } from '../../src/model/failures.ts';
import { ENCRYPTED, payloadCodec } from '../../src/temporal/payload-codec.ts';

const newKey = (): string => randomBytes(32).toString('base64');
const key = (name: string, text = newKey()): CodecKey => ({ name, key: new Secret(text) });
const codecWith = (...keys: CodecKey[]) => payloadCodec({ encrypts: true, keys: () => keys });
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value) as Payload;
const value = (one: Payload | undefined): unknown => defaultPayloadConverter.fromPayload(one as Payload);
const encodingOf = (one: Payload | undefined): string =>
  Buffer.from(one?.metadata?.encoding ?? []).toString();

describe('a payload', () => {
  test('comes back whole, of every kind, and shows nothing of itself before', async () => {
    const codec = codecWith(key('a'));
    const values = [{ service: 'graph', sets: [1, 2] }, 'text', undefined, null, 0, Buffer.from([1, 2, 3])];
    const sealed = await codec.encode(values.map(payload));
    for (const one of sealed) assert.equal(encodingOf(one), ENCRYPTED);
    assert.ok(!Buffer.from(sealed[0]?.data ?? []).includes('graph'));
    const back = (await codec.decode(sealed)).map(value);
    assert.deepEqual(back.slice(0, 5), values.slice(0, 5));
    assert.deepEqual(Buffer.from(back[5] as Uint8Array), values[5]);
  });

  test('never looks the same twice', async () => {
    const codec = codecWith(key('a'));
    const [one, other] = await codec.encode([payload('same'), payload('same')]);
    assert.notDeepEqual(one?.data, other?.data);
  });

  test('is encrypted with the first key, and decrypted with whichever it names', async () => {
    const [old, recent] = [key('old'), key('recent')];
    const [before] = await codecWith(old).encode([payload('before')]);
    const rotated = codecWith(recent, old);
    const [since] = await rotated.encode([payload('since')]);
    assert.equal(Buffer.from(since?.metadata?.['lifeboat-key'] ?? []).toString(), 'recent');
    const both = await rotated.decode([before as Payload, since as Payload]);
    assert.deepEqual(both.map(value), ['before', 'since']);
  });

  test('that is in clear passes as it is, and without keys everything leaves so', async () => {
    const clear = payload({ from: 'before' });
    assert.deepEqual(await codecWith(key('a')).decode([clear]), [clear]);
    assert.deepEqual(await codecWith().encode([clear]), [clear]);
    const decrypting = payloadCodec({ encrypts: false, keys: () => [key('a')] });
    assert.deepEqual(await decrypting.encode([clear]), [clear]);
  });
});

describe('a payload is refused', () => {
  const refusal = async (codec: ReturnType<typeof codecWith>, one: Payload | undefined): Promise<string> => {
    try {
      await codec.decode([one as Payload]);
    } catch (error) {
      assert.equal((error as LifeboatError).type, 'InvalidConfiguration');
      return messageOf(error);
    }
    throw new Error('It was decrypted.');
  };

  test('when its key is missing: its name and the names that there are, never a key', async () => {
    const [gone, here] = [key('gone'), key('here')];
    const [one] = await codecWith(gone).encode([payload(1)]);
    const told = await refusal(codecWith(here), one);
    assert.match(
      told,
      /the key "gone", and this configuration has "here": add that key to temporal\.codec\.keys/,
    );
    assert.ok(!told.includes(here.key.reveal()));
    assert.match(
      await refusal(codecWith(), one),
      /the key "gone", and there are no keys in this configuration/,
    );
  });

  test('when another key has its name, or a byte of it was changed, or it was cut', async () => {
    const mine = key('a');
    const [one] = await codecWith(mine).encode([payload('content')]);
    assert.match(await refusal(codecWith(key('a')), one), /can not be decrypted with the key "a"/);
    const data = Buffer.from(one?.data ?? []);
    for (const at of [0, 12, data.length - 1]) {
      const changed = Buffer.from(data);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      assert.match(await refusal(codecWith(mine), { ...one, data: changed }), /changed since/, `byte ${at}`);
    }
    for (const length of [0, 5, 28, data.length - 1]) {
      const cut = { ...one, data: data.subarray(0, length) };
      assert.match(await refusal(codecWith(mine), cut), /changed since/, `${length} bytes`);
    }
  });

  test('when it is said to be of another key with the same bytes', async () => {
    const text = newKey();
    const [one] = await codecWith(key('a', text)).encode([payload('content')]);
    const moved = { ...one, metadata: { ...one?.metadata, 'lifeboat-key': Buffer.from('b') } };
    assert.match(await refusal(codecWith(key('a', text), key('b', text)), moved), /changed since/);
  });
});

describe('temporal.codec in the file', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-codec-'));
  });
  after(() => rm(folder, { recursive: true }));

  const load = async (codec: object): Promise<CodecConfig | undefined> => {
    const file = join(folder, 'lifeboat.yaml');
    const repositories = { local: { kind: 'directory', path: '/backups' } };
    await writeFile(file, JSON.stringify({ repositories, temporal: { codec } }));
    const env = { TEMPORAL_CONFIG_FILE: '/nowhere' };
    return (await loadConfig({ file, env, secretsDirectory: folder })).temporal.codec;
  };
  const problems = async (codec: object): Promise<string[]> => {
    try {
      await load(codec);
    } catch (error) {
      const lines = messageOf(error).split('\n').slice(1);
      return lines.map((line) => line.replace(/^.*?lifeboat\.yaml:\d+:\d+: temporal\.codec\./, '').trim());
    }
    return [];
  };

  test('has keys in base64, base64url and hex, from texts and files', async () => {
    const bytes = randomBytes(32);
    await writeFile(join(folder, 'key'), `${bytes.toString('hex')}\n`);
    const codec = await load({
      keys: [
        { name: 'a', key: bytes.toString('base64') },
        { name: 'b', key: bytes.toString('base64url') },
        { name: 'c', keyFile: 'key' },
      ],
    });
    assert.deepEqual(
      codec?.keys.map((one) => [one.name, codecKeyBytes(one.key.reveal())?.equals(bytes)]),
      [
        ['a', true],
        ['b', true],
        ['c', true],
      ],
    );
    assert.deepEqual(codec?.server, { host: '127.0.0.1', port: 8235, origins: [] });
    assert.ok(!JSON.stringify(codec).includes(bytes.toString('base64')));
  });

  test('tells every problem at once, with its place and without a key', async () => {
    const short = randomBytes(16).toString('base64');
    const found = await problems({
      keys: [{ name: 'a', key: short }, { name: 'b' }, { name: 'b', keyFile: 'absent' }, { nmae: 'c' }],
      server: { host: '0.0.0.0', origins: ['http://ui.example.com/path'] },
    });
    const starts = [
      'keys[0].key: must be 32 random bytes in base64 or hex',
      'keys[1]: needs "key" or "keyFile"',
      'keys[2].name: the name "b" is used twice',
      'keys[2].keyFile: no readable file',
      'keys[3].nmae: unknown key "nmae"',
      'server.origins[0]: must be the origin of a page',
      'server.token: is missing: "0.0.0.0" is reachable from other machines',
    ];
    for (const start of starts) {
      assert.ok(
        found.some((line) => line.startsWith(start)),
        `${start} is not in:\n${found.join('\n')}`,
      );
    }
    assert.ok(!found.join('\n').includes(short));
  });

  test('refuses a file without a key in it, a short token, no keys', async () => {
    await writeFile(join(folder, 'bad'), 'password123');
    const found = await problems({
      keys: [{ name: 'a', keyFile: 'bad' }],
      server: { host: '0.0.0.0', tokenFile: 'bad' },
    });
    assert.match(found.join('\n'), /keys\[0\]\.keyFile: the file bad must hold 32 random bytes/);
    assert.match(found.join('\n'), /server\.tokenFile: must hold at least 16 characters/);
    assert.ok(!found.join('\n').includes('password123'));
    assert.match((await problems({ keys: [] })).join('\n'), /keys: must have at least one key/);
    assert.match(
      (await problems({ keys: [{ name: 'a', key: newKey() }], server: { token: 'x' } })).join(),
      /16/,
    );
  });
});

test('no client of Temporal is made without the codec', () => {
  const root = fileURLToPath(new URL('../../src', import.meta.url));
  const making = globSync('**/*.ts', { cwd: root }).filter((file) =>
    /new (Workflow|Schedule|Activity)?Client\(/.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.deepEqual(making, ['temporal/data-converter.ts']);
});
