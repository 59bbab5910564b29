import { createCipheriv } from 'node:crypto';
import { Readable } from 'node:stream';
import { S3Repository } from '../../src/adapters/repository/s3.ts';
import type { S3Repository as Config } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';

/** The same random bytes for the same seed. */
export function generated(seed: number, bytes: number): Readable {
  return Readable.from(
    (function* () {
      const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, seed), Buffer.alloc(16));
      const zeros = Buffer.alloc(1024 * 1024);
      for (let left = bytes; left > 0; left -= zeros.length) {
        yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
      }
    })(),
    { objectMode: false },
  );
}

interface Job {
  config: Omit<Config, 'accessKeyId' | 'secretAccessKey'> & {
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  seed: number;
  bytes: number;
}

// Run as a process of its own: uploads what it is told to, tells how far it is, and is killed on its way.
if (process.send) {
  process.once('message', async ({ config, seed, bytes }: Job) => {
    const { credentials, ...rest } = config;
    const repository = new S3Repository({
      ...rest,
      accessKeyId: new Secret(credentials.accessKeyId),
      secretAccessKey: new Secret(credentials.secretAccessKey),
    });
    await repository.put('sets/a/s/x', generated(seed, bytes), {
      onProgress: (acknowledged) => process.send?.({ acknowledged }),
      resume: { onUpload: (uploadId) => void process.send?.({ uploadId }) },
    });
  });
}
