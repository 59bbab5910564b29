import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { cacheDirectory } from './cache.ts';

/**
 * Do `work` while no other process does work of the same name on the same cache.
 * The lock is a listening socket in Linux's abstract namespace: the kernel drops it with the process, so a killed
 * run leaves no stale lock. Who waits holds a connection to the owner and wakes when it closes.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work();
  const digest = createHash('sha256').update(`${cacheDirectory()}\n${name}`).digest('hex').slice(0, 32);
  const path = `\0lifeboat-testbed-${digest}`;
  for (;;) {
    const owner = await listen(path);
    if (owner) {
      try {
        return await work();
      } finally {
        owner.release();
      }
    }
    await untilReleased(path);
  }
}

async function listen(path: string): Promise<{ release(): void } | undefined> {
  const waiting = new Set<import('node:net').Socket>();
  const server: Server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => waiting.delete(socket));
  });
  server.listen(path);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return {
    release() {
      server.close();
      for (const socket of waiting) socket.destroy();
    },
  };
}

async function untilReleased(path: string): Promise<void> {
  const socket = connect(path);
  // A refused connection means that the owner has just gone: try to own it.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.on('close', () => resolve()));
}
