import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { connectionInterceptors } from '../../src/temporal/connection.ts';

it('a call that waits for its next attempt ends with the connection', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const connection = Connection.lazy({
    address: `127.0.0.1:${port}`,
    interceptors: connectionInterceptors,
  });
  const asked = connection.workflowService.getSystemInfo({});
  const ended = assert.rejects(asked, { code: 1, details: /shut down/ });
  // Refused at once; the next attempt comes after some 100 ms.
  await sleep(50);
  await connection.close();
  await ended;
});
