import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { inBatches, workOn } from '../../src/adapters/pipeline/age-batch.ts';
import { storeArtifact } from '../../src/adapters/pipeline/store-artifact.ts';
import { DirectoryRepository } from '../../src/adapters/repository/directory.ts';
import { openRepository } from '../../src/adapters/repository/open.ts';
import type { Repository, StoredObject } from '../../src/adapters/repository/repository.ts';
import { Secret } from '../../src/config/secret.ts';
import { countBuffersAsHeap } from '../../src/worker/buffer-memory.ts';

// Measures each stage of the pipeline alone, then the whole, in one run on one machine:
//   node scripts/bench-steps/pipeline.ts [--bytes N] [--to null|directory|s3] [--compression none|zstd] [--plain] [--json]
// S3 is the server of the environment's LIFEBOAT_TEST_S3_* variables. scripts/bench-steps/pipeline-report.ts writes all of it down.

// As in a worker.
countBuffersAsHeap();

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: String(1024 ** 3) },
    to: { type: 'string', default: 'null' },
    compression: { type: 'string', default: 'none' },
    plain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const bytes = Number(values.bytes);
const MIB = 1024 * 1024;
const CHUNK = MIB;
const recipient = await identityToRecipient(await generateX25519Identity());

/** Pseudo-random bytes out of a prepared stock: the source itself costs nothing. */
function source(): Readable {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16));
  const stock = cipher.update(Buffer.alloc(8 * MIB));
  let left = bytes;
  return new Readable({
    objectMode: true,
    highWaterMark: 2,
    async read() {
      // Real sources leave the event loop its turns.
      await setImmediate();
      if (left <= 0) {
        this.push(null);
        return;
      }
      const at = Math.floor((left / CHUNK) % 7) * MIB;
      const chunk = stock.subarray(at, at + Math.min(CHUNK, left));
      left -= chunk.length;
      this.push(chunk);
    },
  });
}

/** Takes everything and keeps nothing. */
class NullRepository extends DirectoryRepository {
  override async put(key: string, chunks: Readable): Promise<StoredObject> {
    let taken = 0;
    for await (const chunk of chunks) taken += (chunk as Buffer).length;
    return { key, bytes: taken, modifiedAt: new Date() };
  }
}

/** Part of all cores that was busy, whoever with, while a stage worked. */
const busy: Record<string, number> = {};

async function seconds(stage: string, work: () => Promise<unknown>): Promise<number> {
  const [began, before] = [process.hrtime.bigint(), workedMs()];
  await work();
  const [took, after] = [Number(process.hrtime.bigint() - began) / 1e9, workedMs()];
  // Time in which a core waited for the disk is in none of Node's figures: what it worked is compared with the clock.
  busy[stage] = Number(((after - before) / (took * 1000 * cpus().length)).toFixed(2));
  return took;
}

/** What all cores have worked (ms), since the machine was started. */
const workedMs = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

const rate = (took: number): number => Math.round(bytes / took / 1e6);

/** Resident memory (MiB) at every half second of the whole pipeline's work. */
const memory: number[] = [];

/** The largest resident memory of this process so far (MiB). */
const peak = (): number => Math.round(process.resourceUsage().maxRSS / 1024);

const folder = await mkdtemp(join(tmpdir(), 'lifeboat-bench-'));
const repository: Repository =
  values.to === 's3'
    ? openRepository({
        kind: 's3',
        name: 's3',
        bucket: process.env.LIFEBOAT_TEST_S3_BUCKET ?? '',
        prefix: `bench-${Date.now()}`,
        region: process.env.LIFEBOAT_TEST_S3_REGION ?? 'us-east-1',
        endpoint: process.env.LIFEBOAT_TEST_S3_ENDPOINT ?? '',
        pathStyle: true,
        accessKeyId: new Secret(process.env.LIFEBOAT_TEST_S3_ACCESS_KEY_ID ?? ''),
        secretAccessKey: new Secret(process.env.LIFEBOAT_TEST_S3_SECRET_ACCESS_KEY ?? ''),
        partBytes: 16 * MIB,
        concurrency: 4,
      })
    : values.to === 'directory'
      ? openRepository({ kind: 'directory', name: 'directory', path: folder })
      : new NullRepository({ kind: 'directory', name: 'null', path: folder });

const alone: Record<string, number> = {};
try {
  alone.sha256 = rate(
    await seconds('sha256', async () => {
      const hash = createHash('sha256');
      for await (const chunk of source()) hash.update(chunk);
    }),
  );
  if (!values.plain) {
    // Where the bytes are: what handing them to the thread costs is the whole's to bear.
    alone.age = rate(
      await seconds('age', async () => {
        for await (const batch of inBatches(source(), 'seal', randomBytes(32))) workOn(batch);
      }),
    );
  }
  if (values.to !== 'null') {
    const put = async () => await repository.put('sets/bench/s/alone', source(), { bytes });
    alone[values.to] = rate(await seconds(values.to, put));
    await repository.delete('sets/bench/s/alone');
  }
  const sampling = setInterval(() => memory.push(Math.round(process.memoryUsage.rss() / MIB)), 500);
  const took = await seconds('whole', () =>
    storeArtifact({
      source: source(),
      repository,
      key: 'sets/bench/s/whole',
      compression: values.compression === 'zstd' ? 'zstd' : 'none',
      ...(values.plain ? {} : { encryption: { recipients: [recipient] } }),
    }),
  );
  clearInterval(sampling);
  await repository.delete('sets/bench/s/whole');
  const pipeline = rate(took);
  const slowest = Math.min(...Object.values(alone));
  const result = {
    bytes,
    to: values.to,
    unit: 'MB/s',
    alone,
    pipeline,
    ratio: Number((pipeline / slowest).toFixed(2)),
    busy,
    rssMiB: peak(),
    memory,
  };
  console.log(values.json ? JSON.stringify(result) : result);
} finally {
  await repository.close();
  await rm(folder, { recursive: true, force: true });
}
