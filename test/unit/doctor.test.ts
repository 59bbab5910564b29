import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { configChecks } from '../../src/cli/doctor/config-checks.ts';
import { engineChecks } from '../../src/cli/doctor/engine-checks.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { LifeboatError } from '../../src/model/failures.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-doctor-'));
});
after(() => rm(folder, { recursive: true }));

const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

/** What doctor warns of: subject and message. */
async function warnings(sections: object): Promise<string[]> {
  const file = join(folder, 'lifeboat.yaml');
  await writeFile(
    file,
    JSON.stringify({ repositories: { local: { kind: 'directory', path: folder } }, ...sections }),
  );
  const config = await loadConfig({ file, env: { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' } });
  const found = (await Promise.all(configChecks(config).map(({ look }) => look()))).flat();
  return found
    .filter(({ state }) => state === 'warn')
    .map(({ subject, message }) => `${subject}: ${message}`);
}

const ofSubject = async (subject: string, sections: object): Promise<string[]> =>
  (await warnings(sections)).filter((one) => one.startsWith(`${subject}: `));

describe('doctor warns of', () => {
  test('retention that nothing carries out', async () => {
    const retention = { keepLast: 2 };
    const prune = { cron: '30 5 * * *' };
    assert.match((await ofSubject('retention', { retention })).join(), /nothing carries it out/);
    assert.match(
      (await ofSubject('retention', { retention, schedules: { prune: { ...prune, paused: true } } })).join(),
      /nothing carries it out/,
    );
    assert.deepEqual(await ofSubject('retention', { retention, schedules: { prune } }), []);
    assert.match((await ofSubject('retention', {})).join(), /there is none/);
  });

  test('sets that can be encrypted here, and not read', async () => {
    const recipients = [RECIPIENT];
    assert.match((await ofSubject('encryption', { encryption: { recipients } })).join(), /no identity/);
    const identities = ['AGE-SECRET-KEY-1ABC'];
    assert.deepEqual(await ofSubject('encryption', { encryption: { recipients, identities } }), []);
    assert.deepEqual(await ofSubject('encryption', { encryption: { passphrase: 'of eight words' } }), []);
    assert.deepEqual(await ofSubject('encryption', {}), []);
  });
});

test('doctor does not fail for want of a Docker engine where a worker only asks other hosts', async () => {
  const state = async (sections: object): Promise<string | undefined> => {
    const file = join(folder, 'fleet.yaml');
    await writeFile(file, JSON.stringify(sections));
    const config = await loadConfig({ file, env: { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' } });
    const docker = engineChecks(config).find(({ subject }) => subject === 'Docker');
    return await docker?.look().then(
      ([finding]) => finding?.state,
      (error: LifeboatError) => error.type,
    );
  };
  const { DOCKER_HOST } = process.env;
  // Nothing listens on port 1.
  process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
  try {
    const repositories = { local: { kind: 'directory', path: folder } };
    assert.equal(await state({ fleet: { hosts: ['web-1'] } }), 'warn');
    assert.equal(await state({ repositories }), 'EngineUnreachable');
    const services = { graph: { kind: 'neo4j', container: 'neo4j' } };
    assert.equal(await state({ fleet: { hosts: ['web-1'] }, services, repositories }), 'EngineUnreachable');
  } finally {
    if (DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = DOCKER_HOST;
  }
});
