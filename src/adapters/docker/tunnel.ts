import { createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { asking, type Engine } from './engine.ts';

/** A port of this machine that leads into a container without a network. */
export interface Tunnel {
  /** On 127.0.0.1. */
  port: number;
  close(): Promise<void>;
}

/** Runs in the container: joins its own standard streams with a connection to a port of the container itself. */
const JOIN = (port: number) =>
  `exec 3<>/dev/tcp/127.0.0.1/${port} || exit 1; cat <&3 & cat >&3; kill %1 2>/dev/null`;

/**
 * Reach a port of a container that has no network, through the engine's own exec streams: nothing of the sandbox is ever
 * reachable by anybody else. The container's image must have `bash`, as the official Neo4j images do.
 */
export async function openTunnel(engine: Engine, container: string, port: number): Promise<Tunnel> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    join(engine, container, port, socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: portOf(server), close: async () => await closeAll(server, open) };
}

async function join(engine: Engine, container: string, port: number, socket: Socket): Promise<void> {
  const exec = await asking(`open a tunnel into the container ${container.slice(0, 12)}`, () =>
    engine.getContainer(container).exec({
      Cmd: ['bash', '-c', JOIN(port)],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const stream = await exec.start({ hijack: true, stdin: true });
  const [out, errors] = [new PassThrough(), new PassThrough()];
  engine.modem.demuxStream(stream, out, errors);
  errors.resume();
  out.pipe(socket);
  socket.pipe(stream);
  stream.on('end', () => socket.end());
  stream.on('error', () => socket.destroy());
  socket.on('close', () => stream.end());
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function closeAll(server: Server, open: Set<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
