import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { describeServed } from '../../src/activities/drill-neo4j.ts';
import { LifeboatError } from '../../src/model/failures.ts';

test('a sandbox that accepts connections and answers no question is given up', async () => {
  const sockets: Socket[] = [];
  // Four zeros: no version of Bolt. The driver, too, gives up at once then.
  const refuse = (socket: Socket) => void socket.end(Buffer.alloc(4));
  let over = false;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (over) refuse(socket);
    else sockets.push(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const access = { address: `bolt://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const controller = new AbortController();
  const { signal } = controller;
  try {
    await assert.rejects(
      describeServed('sandbox', access, ['neo4j'], { signal, limitMs: 50 }),
      (error) =>
        error instanceof LifeboatError && error.type === 'StartFailed' && /within 0.05 s/.test(error.message),
    );
    const waiting = describeServed('sandbox', access, ['neo4j'], { signal, limitMs: 60_000 });
    controller.abort(new Error('cancelled'));
    await assert.rejects(waiting, /cancelled/);
  } finally {
    over = true;
    server.close();
    for (const socket of sockets) refuse(socket);
  }
});
