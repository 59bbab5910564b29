import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProcessIdentity } from './process.ts';
import { identify } from './process.ts';
import { type Say, silently } from './progress.ts';

/** A Qdrant server, or the stand-in for one. */
export interface QdrantServer {
  url: string;
  apiKey: string;
  /** Whether it is a real server. */
  real: boolean;
  process?: ProcessIdentity;
}

interface StandIn {
  startQdrantStandIn(options: {
    directory: string;
    port?: number;
    apiKey?: string;
    readOnlyApiKey?: string;
    log?: string;
  }): Promise<{ url: string; pid: number; stop(): Promise<void> }>;
}

const STAND_IN = new URL('./qdrant/stand-in.ts', import.meta.url);

/**
 * The server that `LIFEBOAT_TEST_QDRANT_URL` names (with `LIFEBOAT_TEST_QDRANT_API_KEY`), else the stand-in.
 * Undefined where there is neither.
 */
export async function qdrantServer(options: {
  directory: string;
  say?: Say;
}): Promise<QdrantServer | undefined> {
  const { directory, say = silently } = options;
  const url = process.env.LIFEBOAT_TEST_QDRANT_URL?.replace(/\/+$/, '');
  if (url) return { url, apiKey: process.env.LIFEBOAT_TEST_QDRANT_API_KEY ?? '', real: true };
  if (!existsSync(fileURLToPath(STAND_IN))) return undefined;
  const { startQdrantStandIn } = (await import(STAND_IN.href)) as StandIn;
  say('starting the stand-in for Qdrant');
  const apiKey = randomBytes(12).toString('hex');
  const server = await startQdrantStandIn({
    directory: join(directory, 'qdrant'),
    apiKey,
    log: join(directory, 'qdrant.log'),
  });
  const identity = identify(server.pid);
  return { url: server.url, apiKey, real: false, ...(identity ? { process: identity } : {}) };
}
