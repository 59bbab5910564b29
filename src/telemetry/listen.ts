import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LifeboatError } from '../model/failures.ts';

/** A small HTTP server that runs beside the worker. */
export interface Listening {
  /** `http://127.0.0.1:9464`, with the port that was really taken. */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** More connections at once are refused: nothing that is asked here may cost a backup memory or files. */
const MAX_CONNECTIONS = 512;

/**
 * Listen with limits on what a client can hold open. The server does not keep the process alive.
 * @param what it is, for the error: `The metrics server`.
 * @throws {LifeboatError} `InvalidConfiguration` when the port is taken or the address is not one of this machine.
 */
export async function listen(
  what: string,
  at: { host: string; port: number },
  handler: RequestListener,
): Promise<Listening> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000 },
    handler,
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  try {
    server.listen(at.port, at.host);
    await once(server, 'listening');
  } catch (error) {
    throw new LifeboatError('InvalidConfiguration', `${what} can not listen: ${reasonOf(error, at)}`, {
      cause: error,
    });
  }
  const { port } = server.address() as AddressInfo;
  const host = at.host.includes(':') ? `[${at.host.replace(/[[\]]/g, '')}]` : at.host;
  return { url: `http://${host}:${port}`, port, close: () => close(server) };
}

function reasonOf(error: unknown, { host, port }: { host: string; port: number }): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `port ${port} of ${host} is taken by another program; configure another one.`;
  if (code === 'EACCES') return `port ${port} needs more rights; configure one above 1023.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine.`;
  return `${host}:${port}: ${code ?? String(error)}.`;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
