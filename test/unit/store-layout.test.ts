import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../src/adapters/docker/container.ts';
import { storeLayout } from '../../src/adapters/neo4j/layout.ts';

const layoutOf = (env: Record<string, string>) =>
  storeLayout({
    name: 'neo4j',
    env,
    mounts: [{ type: 'volume', name: 'data', source: '/volumes/data', destination: '/data', writable: true }],
  } as unknown as Container);

test('transaction logs that are in the data directory are nothing special, however that is said', () => {
  for (const env of [
    {},
    { NEO4J_server_directories_transaction_logs_root: '/data/transactions/' },
    { NEO4J_dbms_directories_transaction_logs_root: '/data/transactions' },
  ]) {
    assert.equal(layoutOf(env).data, '/data');
    assert.equal(layoutOf(env).logsElsewhere, undefined);
  }
});

test('transaction logs in a directory of their own are told', () => {
  const env = { NEO4J_server_directories_transaction_logs_root: '/logs/tx' };
  assert.equal(layoutOf(env).logsElsewhere, '/logs/tx');
});
