import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/load.ts';
import { HOSTILE_TEXTS, mutatedBytes, mutatedJson } from '../mutations.ts';
import { receptionOf, target } from '../target.ts';

const EXAMPLE = readFileSync(new URL('../../../lifeboat.example.yaml', import.meta.url));

/** Every section, most of which the example leaves out. */
const EVERYTHING = {
  ...(parse(EXAMPLE.toString()) as object),
  services: {
    graph: { kind: 'neo4j', container: 'neo4j', password: 'secret', databases: ['neo4j'], stopGrace: '180s' },
    other: {
      kind: 'neo4j',
      compose: { project: 'p', service: 's' },
      passwordFile: 'password',
      mode: 'freeze',
    },
    vectors: { kind: 'qdrant', urls: ['http://127.0.0.1:6333'], include: ['a*'], exclude: ['ab'] },
  },
  repositories: {
    local: { kind: 'directory', path: '/var/backups/lifeboat' },
    s3: {
      kind: 's3',
      bucket: 'b',
      prefix: 'p',
      region: 'r',
      accessKeyId: 'a',
      secretAccessKey: 's',
      partSize: '16MiB',
    },
    gcs: { kind: 'gcs', bucket: 'b', prefix: 'p', credentialsFile: 'credentials' },
  },
  encryption: { passphrase: 'a long passphrase' },
  retention: { timezone: 'Europe/Berlin', keepLast: 3, keepWithin: '48h', maxAge: '1y', maxTotalSize: '1TB' },
  schedules: {
    backup: { cron: '0 3 * * *', timezone: 'Europe/Berlin', jitter: '5m' },
    drill: { calendar: { dayOfWeek: 'SUNDAY', hour: 5 }, overlap: 'skip' },
    verify: { every: '1h', catchupWindow: '1d' },
  },
  notifications: {
    hook: { kind: 'webhook', url: 'http://127.0.0.1:1/', on: ['failure'], body: '{"text": "{{title}}"}' },
    mail: { kind: 'email', host: '127.0.0.1', from: 'a@example.com', to: ['b@example.com'], on: ['failure'] },
  },
  temporal: { address: '127.0.0.1:7233', namespace: 'default', taskQueue: 'lifeboat' },
  fleet: { hosts: ['a', 'b'], concurrency: 2 },
};

/** Aliases that grow with every line, deep nesting, tags and merges: what a YAML reader can be led into. */
const YAML_TRAPS = [
  Array.from({ length: 30 }, (_, at) => `a${at}: &a${at} [${at ? `*a${at - 1},`.repeat(9) : 'x'}]`).join(
    '\n',
  ),
  ...[100, 3000, 50_000].flatMap((depth) => [
    '['.repeat(depth),
    '{a: '.repeat(depth),
    '- '.repeat(depth),
    '? '.repeat(depth),
  ]),
  ...[
    'a: &a [*a]',
    '<<: [*x, *x]',
    '!!js/function a: b',
    '!<tag:x> {}',
    '%YAML 9.9\n---\n',
    '--- a\n--- b\n',
  ],
  ...[
    '? {a: b}\n: c',
    '? [x]',
    '&a services: *a',
    '<<: {services: 1}',
    'services: !!binary =====',
    '\t:',
    '\ufeff',
  ],
];

export const CONFIGURATION = target<string | Buffer>({
  name: 'configuration',
  what: 'configuration files: changed bytes, changed values, and traps of YAML',
  inputs: () =>
    fc.oneof(
      mutatedBytes(EXAMPLE),
      mutatedJson(EVERYTHING).map((value) => JSON.stringify(value) ?? ''),
      mutatedJson(EVERYTHING).map((value) => JSON.stringify(value, null, 1) ?? ''),
      fc
        .tuple(fc.constantFrom(...YAML_TRAPS), fc.boolean())
        .map(([trap, more]) => (more ? `${EXAMPLE}\n${trap}` : trap)),
      fc
        .tuple(fc.constantFrom('services', 'repositories', 'retention'), fc.constantFrom(...HOSTILE_TEXTS))
        .map(([key, text]) => `${key}: ${text}`),
      fc.string({ unit: 'binary', maxLength: 200 }),
    ),
  async read(text, sandbox) {
    const file = join(sandbox, 'lifeboat.yaml');
    writeFileSync(file, text);
    const options = { file, env: { NEO4J_PASSWORD: 'secret' }, secretsDirectory: sandbox };
    return await receptionOf(() => loadConfig(options));
  },
});
