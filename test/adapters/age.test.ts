// needs: nothing
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import {
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import fc from 'fast-check';
import { decryptFromAge, encryptForAge } from '../../src/adapters/pipeline/age.ts';
import { headerSize, requireEncryption } from '../../src/adapters/pipeline/age-keys.ts';
import { AgeThread } from '../../src/adapters/pipeline/age-thread.ts';
import type { Encryption } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import { ensurePackages } from '../testbed/debian.ts';
import { silently } from '../testbed/progress.ts';
import { failsWith } from './failure.ts';
import { chunked } from './repository-contract.ts';

type Keys = Parameters<typeof decryptFromAge>[1];
const CHUNK = 64 * 1024;
const SIZES = [
  0,
  1,
  CHUNK - 1,
  CHUNK,
  CHUNK + 1,
  2 * CHUNK - 1,
  2 * CHUNK,
  2 * CHUNK + 1,
  1_000_000,
  3_333_333,
  // Larger ones pass through a thread from their 9th MiB on.
  8 * 1024 * 1024,
  9 * 1024 * 1024,
  13_333_333,
];

const identity = await generateX25519Identity();
const other = await generateX25519Identity();
const postQuantum = await generateHybridIdentity();
const recipient = await identityToRecipient(identity);
const folder = await mkdtemp(join(tmpdir(), 'lifeboat-age-'));
const identityFile = join(folder, 'identity');

before(async () => {
  await ensurePackages(['age'], silently);
  await writeFile(identityFile, `${identity}\n`);
});
after(() => rm(folder, { recursive: true, force: true }));

describe('encryption for age', () => {
  for (const size of SIZES) {
    it(`of ${size} bytes is read by the stock program, and by us`, async () => {
      const content = randomBytes(size);
      const sealed = await encrypt(content, { recipients: [recipient] });
      assert.ok((await age(['-d', '-i', identityFile], sealed)).equals(content));
      assert.ok((await decrypt(sealed, { identities: [new Secret(identity)] })).equals(content));
    });

    it(`of ${size} bytes by the stock program is read by us`, async () => {
      const content = randomBytes(size);
      const sealed = await age(['-r', recipient], content);
      assert.ok((await decrypt(sealed, { identities: [new Secret(identity)] })).equals(content));
    });
  }

  it('is the same however the bytes come in pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 * CHUNK }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 200_000 }),
        async (sizes, pieces) => {
          const parts = sizes.map((size) => randomBytes(size));
          const stage = await encryptForAge({ recipients: [recipient] });
          const sealed = await buffer(Readable.from(stage(Readable.from(parts))));
          const opened = await buffer(
            Readable.from(
              decryptFromAge(chunked(sealed, pieces), { identities: [new Secret(identity)] }, 'It'),
            ),
          );
          assert.ok(opened.equals(Buffer.concat(parts)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('for several recipients is read by each of them', async () => {
    const content = randomBytes(100_000);
    const recipients = await Promise.all([identity, other].map((one) => identityToRecipient(one)));
    const sealed = await encrypt(content, { recipients });
    for (const one of [identity, other]) {
      assert.ok((await decrypt(sealed, { identities: [new Secret(one)] })).equals(content));
    }
    assert.ok((await age(['-d', '-i', identityFile], sealed)).equals(content));
  });

  it('for a post-quantum recipient is read by its identity', async () => {
    const content = randomBytes(1000);
    const sealed = await encrypt(content, { recipients: [await identityToRecipient(postQuantum)] });
    assert.ok((await decrypt(sealed, { identities: [new Secret(postQuantum)] })).equals(content));
  });

  it('by a passphrase is read with it', async () => {
    const content = randomBytes(100_000);
    const passphrase = new Secret('correct horse battery staple');
    const sealed = await encrypt(content, { recipients: [], passphrase });
    assert.ok((await decrypt(sealed, { passphrase })).equals(content));
    assert.ok((await ageByPassphrase(sealed, passphrase.reveal())).equals(content));
    await failsWith('IdentityMissing', decrypt(sealed, { passphrase: new Secret('wrong') }), /None of/);
  });

  it('by a passphrase in another program is read with it', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('correct horse');
    encrypter.setScryptWorkFactor(12);
    const sealed = Buffer.from(await encrypter.encrypt('hello'));
    assert.equal((await decrypt(sealed, { passphrase: new Secret('correct horse') })).toString(), 'hello');
  });
});

describe('decryption', () => {
  const keys: Keys = { identities: [new Secret(identity)] };
  const content = randomBytes(5 * CHUNK + 17);
  let sealed: Buffer;
  let payload: number;
  before(async () => {
    sealed = await encrypt(content, { recipients: [recipient] });
    payload = (headerSize(sealed) ?? 0) + 16;
  });

  it('fails for a file that was cut anywhere', async () => {
    const cuts = [0, 1, 20, payload - 17, payload - 1, payload, payload + 1];
    for (let chunk = 1; chunk <= 5; chunk += 1) cuts.push(payload + chunk * (CHUNK + 16));
    cuts.push(payload + 2 * (CHUNK + 16) + 5, sealed.length - 1, sealed.length - 17, sealed.length - 33);
    for (const cut of cuts) await failsWith('DecryptionFailed', decrypt(sealed.subarray(0, cut), keys));
  });

  it('fails for a single changed bit anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.nat(sealed.length - 1),
          fc.nat(payload),
          fc.nat(200).map((n) => sealed.length - 1 - n),
        ),
        fc.nat(7),
        async (at, bit) => {
          const changed = Buffer.from(sealed);
          changed[at] = (changed[at] ?? 0) ^ (1 << bit);
          // A recipient's line that was changed is one for somebody else.
          const types = at < payload ? ['DecryptionFailed', 'IdentityMissing'] : ['DecryptionFailed'];
          await assert.rejects(
            decrypt(changed, keys),
            (error) => error instanceof LifeboatError && types.includes(error.type),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it('fails for chunks that were swapped, left out or repeated', async () => {
    const chunks = Array.from({ length: 6 }, (_, i) =>
      sealed.subarray(payload + i * (CHUNK + 16), payload + (i + 1) * (CHUNK + 16)),
    );
    const orders = [
      [1, 0, 2, 3, 4, 5],
      [0, 2, 3, 4, 5],
      [0, 0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5, 5],
      [5],
      [],
    ];
    for (const order of orders) {
      const moved = Buffer.concat([
        sealed.subarray(0, payload),
        ...order.map((i) => chunks[i] ?? Buffer.alloc(0)),
      ]);
      await failsWith('DecryptionFailed', decrypt(moved, keys));
    }
  });

  it('fails in the thread that decrypts the rest of a large file, and goes on for others', async () => {
    const large = randomBytes(12 * 1024 * 1024);
    const whole = await encrypt(large, { recipients: [recipient] });
    const changed = Buffer.from(whole);
    const at = 11 * 1024 * 1024;
    changed[at] = (changed[at] ?? 0) ^ 1;
    const outcomes = await Promise.allSettled([
      decrypt(changed, keys),
      decrypt(whole.subarray(0, at), keys),
      decrypt(whole, keys),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value.equals(large) : outcome.reason.type,
      ),
      ['DecryptionFailed', 'DecryptionFailed', true],
    );
  });

  it('lets a process end once it has all, and when nobody wants the rest', async () => {
    const module = JSON.stringify(new URL('../../src/adapters/pipeline/age.ts', import.meta.url));
    for (const [wanted, told] of [
      [1000, 'whole'],
      [10, 'left'],
    ] as const) {
      const script = `
        const { encryptForAge } = await import(${module});
        const stage = await encryptForAge({ recipients: ['${recipient}'] });
        const chunks = (async function* () {
          for (let i = 0; i < 20; i++) {
            // Meanwhile the thread is let go, and has to be held again.
            if (i > 12) await new Promise((resolve) => setTimeout(resolve, 100));
            yield Buffer.alloc(1024 * 1024);
          }
        })();
        let seen = 0;
        for await (const _ of stage(chunks)) if (++seen === ${wanted}) break;
        console.log(seen === ${wanted} ? 'left' : 'whole');`;
      const file = join(folder, `${told}.mjs`);
      await writeFile(file, script);
      const child = spawn(process.execPath, [file], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 60_000,
      });
      const said = buffer(child.stdout);
      const [code] = await new Promise<[number | null]>((ended) => child.once('close', (c) => ended([c])));
      assert.deepEqual([code, (await said).toString().trim()], [0, told]);
    }
  });

  it('fails when its thread ends, and has another one the next time', async () => {
    const batch = (key: Buffer) => ({
      kind: 'seal' as const,
      key,
      first: 0,
      last: true,
      memory: Buffer.allocUnsafeSlow(1000),
    });
    const thread = AgeThread.shared();
    await assert.rejects(thread.workOn(batch(Buffer.alloc(5))), /[Kk]ey/);
    assert.notEqual(AgeThread.shared(), thread);
    assert.equal((await AgeThread.shared().workOn(batch(Buffer.alloc(32)))).length, 1000);
  });

  it('fails for bytes after the end', async () => {
    for (const more of [1, 16, CHUNK]) {
      await failsWith('DecryptionFailed', decrypt(Buffer.concat([sealed, randomBytes(more)]), keys));
    }
    await failsWith('DecryptionFailed', decrypt(Buffer.concat([sealed, sealed]), keys));
  });

  it('says when nobody here can read it', async () => {
    await failsWith('IdentityMissing', decrypt(sealed, { identities: [new Secret(other)] }), /None of/);
    await failsWith('IdentityMissing', decrypt(sealed, { passphrase: new Secret('x') }), /None of/);
    await failsWith('IdentityMissing', decrypt(sealed, {}), /no identity or passphrase is configured/);
    await failsWith('DecryptionFailed', decrypt(randomBytes(200_000), keys), /age header/);
  });

  it('does not tell an identity that it can not read', async () => {
    const secret = `${identity.slice(0, -1)}${identity.endsWith('X') ? 'Y' : 'X'}`;
    const error = await failsWith(
      'InvalidConfiguration',
      decrypt(sealed, { identities: [new Secret(secret)] }),
    );
    assert.ok(!`${error.message}${error.stack}${String(error.cause)}`.includes(secret.slice(16, 40)));
  });
});

describe('keys for encryption', () => {
  const refused: [
    what: string,
    type: string,
    keys: Pick<Encryption, 'recipients' | 'passphrase'>,
    says: RegExp,
  ][] = [
    ['a recipient that is cut', 'RecipientInvalid', { recipients: [recipient.slice(0, -1)] }, /age1/],
    [
      'a recipient with a wrong letter',
      'RecipientInvalid',
      { recipients: [recipient, `${recipient.slice(0, -1)}b`] },
      /age1/,
    ],
    ['an ssh key', 'RecipientInvalid', { recipients: ['ssh-ed25519 AAAA'] }, /ssh-ed25519/],
    ['nobody', 'InvalidConfiguration', { recipients: [] }, /nobody/],
    [
      'both kinds',
      'InvalidConfiguration',
      { recipients: [recipient], passphrase: new Secret('x') },
      /keep one/,
    ],
    ['an empty passphrase', 'InvalidConfiguration', { recipients: [], passphrase: new Secret('') }, /empty/],
  ];
  for (const [what, type, keys, says] of refused) {
    it(`refuse ${what}`, async () => {
      const expected = (error: unknown) =>
        error instanceof LifeboatError && error.type === type && says.test(error.message);
      assert.throws(() => requireEncryption(keys), expected);
      await assert.rejects(encryptForAge(keys), expected);
    });
  }

  it('refuse a secret key among the recipients without telling it', () => {
    assert.throws(
      () => requireEncryption({ recipients: [identity] }),
      (error: LifeboatError) =>
        error.type === 'RecipientInvalid' && !error.message.includes(identity.slice(20)),
    );
  });
});

async function encrypt(
  content: Buffer,
  keys: Pick<Encryption, 'recipients' | 'passphrase'>,
): Promise<Buffer> {
  const stage = await encryptForAge(keys);
  return await buffer(Readable.from(stage(chunked(content, 100_000))));
}

async function decrypt(sealed: Buffer, keys: Keys): Promise<Buffer> {
  return await buffer(Readable.from(decryptFromAge(chunked(sealed, 100_000), keys, 'The file')));
}

/** Runs the stock `age` with this on its standard input. */
async function age(args: string[], input: Buffer): Promise<Buffer> {
  const child = spawn('age', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = buffer(child.stderr);
  const fed = pipeline(chunked(input, 1_000_000), child.stdin).catch(() => {});
  const output = await buffer(child.stdout);
  await fed;
  const [code] =
    child.exitCode === null
      ? await new Promise<[number]>((ended) => child.once('exit', (c) => ended([c ?? 1])))
      : [child.exitCode];
  assert.equal(code, 0, (await said).toString());
  return output;
}

/** The stock `age` asks for a passphrase on a terminal: `script` gives it one. */
async function ageByPassphrase(sealed: Buffer, passphrase: string): Promise<Buffer> {
  const from = join(folder, 'sealed');
  const to = join(folder, 'opened');
  await writeFile(from, sealed);
  const child = spawn('script', ['-qec', `age -d -o ${to} ${from}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (said: Buffer) => {
    if (said.includes('passphrase')) child.stdin.write(`${passphrase}\n`);
  });
  await new Promise((ended) => child.once('exit', ended));
  return await readFile(to);
}
