import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, identify, type ProcessIdentity } from '../../testbed/process.ts';
import { startQdrantStandIn } from '../../testbed/qdrant/stand-in.ts';
import { startS3 } from '../../testbed/s3.ts';
import type { S3State } from '../../testbed/state.ts';
import { startTemporal } from '../../testbed/temporal.ts';

/** A server that can be killed and started again: at the same address, on its data. */
export interface Restartable {
  kill(): Promise<void>;
  start(): Promise<void>;
}

const killed = async (process: ProcessIdentity | undefined): Promise<void> => {
  if (process) await endProcess(process, 0, 'SIGKILL');
};

export interface RestartableTemporal extends Restartable {
  address: string;
  /** Delete its database; only while it is down. */
  forget(): Promise<void>;
}

/** Where a server keeps its files, and its environment: by the mark in it the server is found when its scene is taken down. */
export interface Place {
  directory: string;
  environment: NodeJS.ProcessEnv;
}

export async function restartableTemporal(place: Place): Promise<RestartableTemporal> {
  let server = await startTemporal(place);
  const { address } = server;
  const port = Number(address.split(':')[1]);
  const uiPort = Number(new URL(server.uiUrl ?? '').port);
  return {
    address,
    kill: () => killed(server.process),
    async start() {
      server = await startTemporal({ ...place, port, uiPort });
    },
    async forget() {
      for (const end of ['', '-wal', '-shm', '-journal'])
        await rm(join(place.directory, `temporal.db${end}`), { force: true });
    },
  };
}

export interface RestartableS3 extends Restartable {
  state: S3State;
}

export async function restartableS3(place: Place): Promise<RestartableS3> {
  let server = await startS3(place);
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = server;
  const port = Number(new URL(endpoint).port);
  return {
    state: { endpoint, region, accessKeyId, secretAccessKey, bucket },
    async kill() {
      await killed(server.process);
      await server.stop();
    },
    async start() {
      server = await startS3({ ...place, port, accessKeyId, secretAccessKey });
    },
  };
}

export interface RestartableQdrant extends Restartable {
  url: string;
  apiKey: string;
}

export async function restartableQdrant(place: Place, apiKey: string): Promise<RestartableQdrant> {
  let server = await startQdrantStandIn({ ...place, apiKey });
  const { url } = server;
  const port = Number(new URL(url).port);
  return {
    url,
    apiKey,
    kill: () => killed(identify(server.pid)),
    async start() {
      server = await startQdrantStandIn({ ...place, apiKey, port });
    },
  };
}
