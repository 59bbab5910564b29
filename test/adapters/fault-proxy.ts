import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a request: passed on (nothing), answered at once, or its connection cut after this many bytes of its body. */
export type Fault =
  | { status: number; body?: string; headers?: Record<string, string> }
  | { cutAfter: number };

/** A request as the proxy saw it. */
export interface Seen {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingMessage['headers'];
}

/** A proxy on 127.0.0.1 before a real HTTP server, which passes on every request but those that are to fail. */
export interface FaultProxy {
  endpoint: string;
  seen: Seen[];
  /** Asked about every request. */
  fault: (request: Seen) => Fault | undefined;
  close(): Promise<void>;
}

/** Start one; signatures stay good because the `Host` header is passed on unchanged. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers };
    proxy.seen.push(seen);
    const fault = proxy.fault(seen);
    if (fault && 'status' in fault) {
      incoming.resume();
      incoming.once('end', () => outgoing.writeHead(fault.status, fault.headers).end(fault.body));
      return;
    }
    pass(incoming, outgoing, fault?.cutAfter ?? Infinity);
  });

  function pass(incoming: IncomingMessage, outgoing: ServerResponse, cutAfter: number): void {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (method === 'GET' && bytes > cutAfter) outgoing.destroy();
        else outgoing.write(chunk);
      });
      answer.once('end', () => outgoing.end());
      answer.once('error', () => outgoing.destroy());
    });
    onward.once('error', () => outgoing.destroy());
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= cutAfter) onward.write(chunk);
      else {
        onward.destroy();
        incoming.destroy();
      }
    });
    incoming.once('end', () => onward.end());
    incoming.once('error', () => onward.destroy());
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    fault: () => undefined,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
