import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { helperEnvironment } from '../../src/adapters/neo4j/layout.ts';
import { backsUpOnline, backupAddress, RESTORE_SCRIPT } from '../../src/adapters/neo4j/online-backup.ts';

const container = (env: Record<string, string>) =>
  ({ env }) as unknown as Parameters<typeof helperEnvironment>[0];

describe('the online backup of a Neo4j container', () => {
  test('is offered by an Enterprise image that has it switched on', () => {
    assert.equal(backsUpOnline(container({ NEO4J_EDITION: 'enterprise' })), true);
    assert.equal(backsUpOnline(container({ NEO4J_EDITION: 'community' })), false);
    assert.equal(backsUpOnline(container({})), false);
    const off = { NEO4J_EDITION: 'enterprise', NEO4J_server_backup_enabled: 'False' };
    assert.equal(backsUpOnline(container(off)), false);
  });

  test('is asked for where the server says that it listens, as its own network sees it', () => {
    const at = (address: string) =>
      backupAddress(container({ NEO4J_server_backup_listen__address: address }));
    assert.equal(backupAddress(container({})), '127.0.0.1:6362');
    assert.equal(at('0.0.0.0:6400'), '127.0.0.1:6400');
    assert.equal(at(':6400'), '127.0.0.1:6400');
    assert.equal(at('[::]:6400'), '127.0.0.1:6400');
    assert.equal(at('10.0.0.5:6400'), '10.0.0.5:6400');
  });

  test('takes the acceptance of the licence along, and no secret', () => {
    const environment = helperEnvironment(
      container({
        NEO4J_ACCEPT_LICENSE_AGREEMENT: 'yes',
        NEO4J_AUTH: 'neo4j/secret',
        NEO4J_server_memory_heap_max__size: '1g',
      }),
    );
    assert.deepEqual(environment, {
      NEO4J_ACCEPT_LICENSE_AGREEMENT: 'yes',
      NEO4J_server_memory_heap_max__size: '1g',
    });
  });

  test('is put together from the newest artifact of the very database', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-online-'));
    t.after(() => rm(folder, { recursive: true }));
    const from = join(folder, 'from');
    await mkdir(from);
    const times = ['2026-01-02T03-04-05', '2026-11-02T03-04-05'];
    const names = ['tenant', 'tenant-42', 'tenant-2027', 'a.b', 'axb'];
    for (const name of names) {
      for (const time of times) await writeFile(join(from, `${name}-${time}.backup`), '');
    }
    await writeFile(join(from, 'axb-2026-12-31T03-04-05.backup'), '');
    for (const name of ['tenant', 'tenant-42', 'tenant-2027', 'a.b']) {
      const { stdout } = await promisify(execFile)('sh', ['-c', RESTORE_SCRIPT, from, name, 'echo'], {
        env: { ...process.env, DATA: join(folder, 'data') },
      });
      assert.equal(stdout, `--from-path=${from}/${name}-${times[1]}.backup ${name}\n`);
    }
  });
});
