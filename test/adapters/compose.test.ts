// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;
const read = (path: string) => readFile(at(path), 'utf8');

interface Service {
  image?: string;
  build?: string;
  restart?: string;
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  secrets?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  stop_grace_period?: string;
  command?: string | string[];
  environment?: Record<string, string>;
}
interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { external?: boolean; internal?: boolean }>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}
const FILES = ['docker-compose.yml', 'docker-compose.attach.yml'];
const compose = async (file: string): Promise<Compose> => parse(await read(file), { merge: true }) as Compose;

/** Seconds of `3m` or `90s`. */
const seconds = (text = '10s'): number => Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1);

/** The compose specification's own schema, as the Python package check-jsonschema carries it; undefined where it can't be had. */
function schemaChecker(): string | undefined {
  const folder = at('.cache/check-jsonschema');
  const program = join(folder, 'bin/check-jsonschema');
  if (existsSync(program)) return program;
  try {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' });
    execFileSync(join(folder, 'bin/pip'), ['install', '--quiet', 'check-jsonschema==0.39.0'], {
      stdio: 'ignore',
      timeout: 120_000,
    });
    return program;
  } catch {
    return undefined;
  }
}

for (const file of FILES) {
  describe(file, async () => {
    const { services, networks, volumes, secrets } = await compose(file);
    const all = Object.entries(services);
    const checker = schemaChecker();

    it('is what the compose specification says', {
      skip: checker ? false : 'check-jsonschema can not be had here',
    }, () => {
      const answer = execFileSync(checker ?? '', ['--builtin-schema', 'vendor.compose-spec', at(file)]);
      assert.match(answer.toString(), /ok/);
    });

    it('names only services, networks, volumes and secrets that it has', () => {
      for (const [name, service] of all) {
        for (const other of Object.keys(service.depends_on ?? {}))
          assert.ok(services[other], `${name}: ${other}`);
        for (const network of service.networks ?? []) assert.ok(network in networks, `${name}: ${network}`);
        for (const secret of service.secrets ?? []) assert.ok(secret in secrets, `${name}: ${secret}`);
        for (const volume of service.volumes ?? []) {
          const source = volume.split(':')[0] ?? '';
          if (/^[a-z]/.test(source)) assert.ok(source in volumes, `${name}: ${source}`);
        }
      }
    });

    it('waits for health where there is one, and for the end of what ends', () => {
      for (const [name, service] of all) {
        const ends = service.restart === 'on-failure';
        assert.equal(service.healthcheck === undefined, ends, `${name} has a health check, or an end`);
        for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
          const expected = services[other]?.healthcheck
            ? 'service_healthy'
            : 'service_completed_successfully';
          assert.equal(condition, expected, `${name} waits for ${other}`);
        }
      }
    });

    it('publishes nothing beyond this machine', () => {
      for (const [name, { ports }] of all) {
        for (const port of ports ?? []) assert.match(port, /^127\.0\.0\.1:/, `${name} publishes ${port}`);
      }
    });

    it('gives every image a version', () => {
      for (const [name, { image }] of all) {
        if (image?.startsWith('lifeboat:')) continue;
        assert.match(image ?? '', /:\$\{[A-Z0-9_]+:-v?\d+[.\d]*(-[\w.]+)?\}$/, name);
      }
    });

    it('gives the engine’s socket to the proxy alone, which passes on only what Lifeboat calls', () => {
      const withSocket = all.filter(([, { volumes }]) =>
        volumes?.some((volume) => volume.includes('docker.sock')),
      );
      assert.deepEqual(
        withSocket.map(([name]) => name),
        ['docker-proxy'],
      );
      assert.equal(networks.engine?.internal, true);
      const inEngine = all
        .filter(([, service]) => service.networks?.includes('engine'))
        .map(([name]) => name);
      assert.deepEqual(inEngine.sort(), ['docker-proxy', 'lifeboat']);
      const flags = ((services['docker-proxy']?.command ?? []) as string[]).join('\n');
      const allows = (method: string, path: string): boolean => {
        const rule = new RegExp(`^-allow${method}=(.*)$`, 'm').exec(flags)?.[1];
        return rule !== undefined && new RegExp(`^(?:${rule})$`).test(path);
      };
      for (const [method, path] of CALLS) assert.ok(allows(method, path), `${method} ${path}`);
      for (const [method, path] of NOT_CALLS) assert.ok(!allows(method, path), `${method} ${path}`);
      assert.match(flags, /^-allowbindmountfrom=/m);
    });

    it('lets databases and the worker end by themselves', () => {
      assert.ok(seconds(services.lifeboat?.stop_grace_period) >= 60);
      if (services.neo4j) assert.ok(seconds(services.neo4j.stop_grace_period) >= 180);
      assert.ok(seconds(services.postgres?.stop_grace_period) >= 30);
    });
  });
}

const ID = 'a'.repeat(64);
/** What the adapters ask of the engine. */
const CALLS: [string, string][] = [
  ['GET', '/_ping'],
  ['GET', '/version'],
  ['GET', '/v1.44/info'],
  ['GET', '/containers/json'],
  ['GET', `/containers/${ID}/json`],
  ['GET', '/containers/lifeos-neo4j-1/logs'],
  ['GET', `/v1.41/containers/${ID}/archive`],
  ['HEAD', `/containers/${ID}/archive`],
  ['PUT', `/containers/${ID}/archive`],
  ['POST', '/containers/create'],
  ['POST', `/containers/${ID}/start`],
  ['POST', `/containers/${ID}/stop`],
  ['POST', `/containers/${ID}/pause`],
  ['POST', `/containers/${ID}/unpause`],
  ['POST', `/containers/${ID}/wait`],
  ['POST', `/containers/${ID}/exec`],
  ['POST', `/exec/${ID}/start`],
  ['DELETE', `/containers/${ID}`],
  ['GET', '/volumes'],
  ['GET', '/volumes/lifeboat-staging-x'],
  ['POST', '/volumes/create'],
  ['DELETE', '/volumes/lifeboat-staging-x'],
  ['GET', '/images/neo4j:5.26-community/json'],
  ['GET', `/images/sha256:${ID}/json`],
];
const NOT_CALLS: [string, string][] = [
  ['POST', '/images/create'],
  ['POST', '/build'],
  ['POST', '/containers/prune'],
  ['POST', '/volumes/prune'],
  ['POST', `/containers/${ID}/kill`],
  ['POST', '/swarm/init'],
  ['POST', '/networks/create'],
  ['DELETE', '/images/neo4j'],
  ['GET', '/secrets'],
  ['GET', '/v1.44/swarm'],
  ['PUT', '/plugins/x/set'],
  ['GET', '/containers/../secrets/json'],
];

describe('both compose files', () => {
  it('have the same Temporal and the same proxy', async () => {
    const [whole, attached] = await Promise.all(FILES.map(compose));
    const shared = Object.keys(attached!.services).filter((name) => name !== 'lifeboat');
    for (const name of shared) assert.deepEqual(attached!.services[name], whole!.services[name], name);
  });
});

describe('what compose mounts', () => {
  it('secrets are made once, each in a file, and the configuration is accepted with them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-compose-'));
    try {
      execFileSync('cp', ['-r', at('deploy'), folder]);
      const make = () => execFileSync(join(folder, 'deploy/make-secrets')).toString();
      make();
      const secret = (name: string) => readFile(join(folder, 'deploy/secrets', name), 'utf8');
      const before = await secret('neo4j_password');
      make();
      assert.equal(await secret('neo4j_password'), before);
      assert.equal(await secret('neo4j_auth'), `neo4j/${before}`);
      assert.match(before, /^[0-9a-f]{48}$/);
      assert.equal(
        JSON.parse(await secret('s3_config')).identities[0].credentials[0].secretKey,
        await secret('s3_secret_access_key'),
      );
      for (const { secrets } of await Promise.all(FILES.map(compose))) {
        for (const { file } of Object.values(secrets)) assert.ok(existsSync(join(folder, file)), file);
      }
      const config = await loadConfig({
        file: join(folder, 'deploy/lifeboat.compose.yaml'),
        secretsDirectory: join(folder, 'deploy/secrets'),
        env: {},
      });
      assert.equal(config.statusPage.token?.reveal(), await secret('status_token'));
      const { services } = await compose('docker-compose.yml');
      const neo4j = config.services.find(({ kind }) => kind === 'neo4j');
      // Docker must not kill it before Lifeboat itself would give up.
      assert.ok(
        neo4j?.kind === 'neo4j' && neo4j.stopGraceSeconds < seconds(services.neo4j?.stop_grace_period),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('shell scripts are whole', () => {
    for (const script of [
      'deploy/make-secrets',
      'deploy/temporal/setup-postgres.sh',
      'deploy/temporal/create-namespace.sh',
      'scripts/screenshots',
    ]) {
      execFileSync(script.startsWith('scripts') ? 'bash' : 'sh', ['-n', at(script)]);
    }
  });
});

describe('Dockerfile', () => {
  it('copies only what is there and what .dockerignore lets through', async () => {
    const lines = (await read('Dockerfile')).split('\n');
    const ignored = (await read('.dockerignore')).split('\n');
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    assert.ok(copied.length > 0);
    for (const path of copied) {
      assert.ok(existsSync(at(path)), path);
      assert.ok(ignored.includes(`!${path}`), `.dockerignore lets ${path} through`);
    }
  });

  it('does not run as root, answers for its health, and needs no development dependency', async () => {
    const text = await read('Dockerfile');
    assert.match(text, /^USER node$/m);
    assert.match(text, /^HEALTHCHECK /m);
    assert.match(text, /npm ci --omit=dev --ignore-scripts/);
    const { dependencies } = JSON.parse(await read('package.json')) as {
      dependencies: Record<string, string>;
    };
    assert.ok(!('node' in dependencies), 'the image brings its own Node');
  });
});

describe('the systemd unit', () => {
  const verify = '/usr/bin/systemd-analyze';
  it('is accepted by systemd', {
    skip: existsSync(verify) ? false : 'systemd-analyze is not installed',
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-unit-'));
    const path = join(folder, 'lifeboat.service');
    // The program is not installed where the unit expects it.
    await writeFile(
      path,
      (await read('deploy/systemd/lifeboat.service')).replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'),
    );
    try {
      execFileSync(verify, ['verify', '--man=no', '--recursive-errors=no', path], { stdio: 'pipe' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
