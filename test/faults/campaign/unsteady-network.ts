import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What becomes of traffic: passed on; slowed down; cut and refused; or answered with HTTP status 503. */
export type Weather = 'clear' | 'slow' | 'cut' | '503';

/** The way to a server, which breaks when the campaign says so. */
export interface UnsteadyNetwork {
  /** What to ask instead of the server. */
  url: string;
  weather: Weather;
  turn(weather: Weather): void;
  close(): Promise<void>;
}

/** Milliseconds by which each piece is held up in slow weather. */
const SLOW_MS = 150;

const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 9\r\nconnection: close\r\n\r\nSlow down';

/** Start one before the server at `target`. */
export async function startNetwork(target: string): Promise<UnsteadyNetwork> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.once('close', () => open.delete(client));
    if (network.weather === 'cut') {
      client.destroy();
      return;
    }
    if (network.weather === '503') {
      client.once('data', () => client.end(UNAVAILABLE));
      return;
    }
    const upstream = connect(Number(port || 80), hostname);
    open.add(upstream);
    upstream.on('error', () => client.destroy());
    upstream.once('close', () => {
      open.delete(upstream);
      client.destroy();
    });
    client.once('close', () => upstream.destroy());
    pass(client, upstream);
    pass(upstream, client);
  });

  function pass(from: Socket, to: Socket): void {
    from.on('data', async (piece) => {
      from.pause();
      if (network.weather === 'slow') await sleep(SLOW_MS);
      if (to.destroyed) return;
      if (!to.write(piece)) await once(to, 'drain').catch(() => {});
      from.resume();
    });
    from.on('end', () => to.end());
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const network: UnsteadyNetwork = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    weather: 'clear',
    turn(weather) {
      network.weather = weather;
      // Kept connections would otherwise go on as if nothing had happened.
      if (weather === 'cut' || weather === '503') for (const socket of open) socket.destroy();
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return network;
}
