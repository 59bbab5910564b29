import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BreakingProxy {
  /** What to ask instead of the server. */
  url: string;
  /** How many connections were made. */
  connections(): number;
  close(): Promise<void>;
}

/**
 * A way to a server that breaks where a test says: `cuts` are, for the first, second, … connection, the bytes of the server's answers
 * after which it is cut; later connections are left alone. `before` is waited for before a connection, counted from 1, is passed on.
 */
export async function breakingProxy(
  target: string,
  cuts: readonly number[],
  before: (connection: number) => Promise<void> = async () => {},
): Promise<BreakingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer(async (client) => {
    const number = ++count;
    const limit = cuts[number - 1] ?? Number.POSITIVE_INFINITY;
    open.add(client);
    client.on('error', () => {});
    await before(number);
    const upstream = connect(Number(port || 80), hostname);
    open.add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(client);
      open.delete(upstream);
    };
    let passed = 0;
    client.on('data', (piece) => upstream.write(piece));
    upstream.on('data', (piece) => {
      const rest = piece.subarray(0, Math.max(0, limit - passed));
      passed += piece.length;
      if (passed < limit) client.write(rest);
      else client.end(rest, end);
    });
    upstream.on('error', end);
    upstream.on('close', end);
    client.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => count,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
