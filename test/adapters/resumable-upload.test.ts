// needs: s3
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, beforeEach, describe, it } from 'node:test';
import { S3 } from '@aws-sdk/client-s3';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { uploadResumably } from '../../src/activities/resumable-upload.ts';
import type { Step } from '../../src/activities/step.ts';
import { decryptFromAge } from '../../src/adapters/pipeline/age.ts';
import { storeArtifact } from '../../src/adapters/pipeline/store-artifact.ts';
import { S3Repository } from '../../src/adapters/repository/s3.ts';
import { UploadNotes } from '../../src/adapters/repository/upload-notes.ts';
import { Secret } from '../../src/config/secret.ts';
import { LifeboatError } from '../../src/model/failures.ts';
import { useTestbed } from '../testbed/testbed.ts';
import { chunked } from './repository-contract.ts';

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const server = useTestbed().s3;
const prefix = `resumable-upload-${randomUUID()}`;
const credentials = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey };
const admin = new S3({ endpoint: server.endpoint, region: server.region, credentials, forcePathStyle: true });
const repository = new S3Repository({
  kind: 's3',
  name: 'offsite',
  bucket: server.bucket,
  prefix,
  region: server.region,
  endpoint: server.endpoint,
  pathStyle: true,
  accessKeyId: new Secret(server.accessKeyId),
  secretAccessKey: new Secret(server.secretAccessKey),
  partBytes: PART,
  concurrency: 2,
});
const identity = await generateX25519Identity();
const encryption = { recipients: [await identityToRecipient(identity)], identities: [] };
const directory = await mkdtemp(join(tmpdir(), 'lifeboat-resumable-'));
const uploads = new UploadNotes(join(directory, 'notes'), 'here');
const content = randomBytes(4 * PART + 1000);
let key: string;

beforeEach(() => {
  key = `sets/a/s/${randomUUID()}`;
});
after(async () => {
  await repository.close();
  admin.destroy();
  await rm(directory, { recursive: true, force: true });
});

describe('an upload that was cut', () => {
  it('begins anew under a new seal when the same source has other content', async () => {
    const [cut] = await attempt(content, { breaks: true });
    assert.equal((await unfinished()).length, 1);
    const changed = Buffer.from(content);
    changed[100] = (changed[100] ?? 0) ^ 1;
    const seals = await attempt(changed);
    assert.equal(seals.length, 2);
    assert.equal(seals[0], cut);
    assert.notEqual(seals[1], cut);
    assert.deepEqual(await decrypted(), changed);
    assert.deepEqual([await unfinished(), await readdir(join(directory, 'notes'))], [[], []]);
  });

  it('is removed at once when there is another source', async () => {
    const [cut] = await attempt(content, { breaks: true });
    const [other, ...more] = await attempt(content, { source: 'another' });
    assert.notEqual(other, cut);
    assert.equal(more.length, 0);
    assert.deepEqual([await unfinished(), await readdir(join(directory, 'notes'))], [[], []]);
  });

  it('leaves no parts when nobody will go on with it', async () => {
    await attempt(content, { breaks: true, step: cancelled() });
    assert.deepEqual([await unfinished(), await readdir(join(directory, 'notes'))], [[], []]);
    await attempt(content, { breaks: true, uploads: undefined });
    assert.deepEqual(await unfinished(), []);
  });
});

/** A step of a run, as activities see it. */
const step = (more: Partial<Step> = {}): Step => ({
  signal: new AbortController().signal,
  beat: () => {},
  checkpoint: {},
  keep: () => true,
  runId: 'run',
  workflowId: 'backup',
  taskQueue: 'lifeboat',
  ...more,
});

const cancelled = (): Step => step({ signal: AbortSignal.abort(), keep: () => false });

/** One attempt to store this content; answers the seals that it was tried with. */
async function attempt(
  bytes: Buffer,
  {
    breaks = false,
    source = 'a source',
    ...more
  }: { breaks?: boolean; source?: string; step?: Step; uploads?: UploadNotes | undefined } = {},
): Promise<(string | undefined)[]> {
  const seals: (string | undefined)[] = [];
  const deps = {
    config: () => ({ repositories: [{ name: 'offsite' }] }),
    repository: () => repository,
    ...('uploads' in more ? {} : { uploads }),
  } as unknown as Dependencies;
  const upload = { repository, wanted: key, source, encryption };
  const storing = uploadResumably(deps, more.step ?? step(), upload, async ({ seal, resume }) => {
    seals.push(seal?.reveal());
    await storeArtifact({
      source: breaks ? broken(bytes) : chunked(bytes, MIB),
      repository,
      key,
      compression: 'none',
      encryption,
      ...(seal ? { seal } : {}),
      put: resume ? { resume } : {},
    });
  });
  await (breaks ? assert.rejects(storing, { message: 'cut' }) : storing);
  return seals;
}

it('takes the next key when an attempt that outlived its end has published under its own', async () => {
  const deps = {
    config: () => ({ repositories: [] }),
    repository: () => repository,
    uploads,
  } as unknown as Dependencies;
  const tried: string[] = [];
  const freeKey = async (wanted: string) => (tried.length === 0 ? wanted : `${wanted}.next`);
  await uploadResumably(
    deps,
    step(),
    { repository, wanted: 'late', source: 'a source', freeKey },
    async ({ key: at }) => {
      tried.push(at);
      if (tried.length === 1) throw new LifeboatError('KeyExists', 'somebody was quicker');
    },
  );
  assert.deepEqual(tried, ['late', 'late.next']);
});

/** The first three parts, and an end that is none. */
const broken = (bytes: Buffer): Readable =>
  Readable.from(
    (async function* () {
      yield* chunked(bytes.subarray(0, 3 * PART + MIB), MIB);
      throw new Error('cut');
    })(),
  );

async function decrypted(): Promise<Buffer> {
  const keys = { identities: [new Secret(identity)] };
  return await buffer(decryptFromAge(await repository.get(key), keys, 'it'));
}

async function unfinished(): Promise<string[]> {
  const { Uploads = [] } = await admin.listMultipartUploads({ Bucket: server.bucket, Prefix: prefix });
  return Uploads.map(({ UploadId = '' }) => UploadId);
}
