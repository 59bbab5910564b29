import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { generatedFiles } from '../../scripts/configuration-reference.ts';
import type { Config } from '../../src/config/config.ts';
import { onlyAsksHosts } from '../../src/config/fleet.ts';
import { loadConfig } from '../../src/config/load.ts';
import { policyFor } from '../../src/config/retention.ts';
import { temporalConnection } from '../../src/config/temporal.ts';
import { parseDuration, parseSize } from '../../src/config/values.ts';
import { watchConfig } from '../../src/config/watch.ts';
import type { LifeboatError } from '../../src/model/failures.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-config-'));
});
after(() => rm(folder, { recursive: true }));

const LOCAL = 'repositories: { local: { kind: directory, path: /backups } }\n';
// Without the machine's own Temporal settings.
const CLEAN = { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' };

async function load(text: string, env: NodeJS.ProcessEnv = {}): Promise<Config> {
  const file = join(folder, 'lifeboat.yaml');
  await writeFile(file, text);
  return await loadConfig({ file, env: { ...CLEAN, ...env }, secretsDirectory: join(folder, 'secrets') });
}

/** The problems of a file, each without the folder's name. */
async function problems(text: string, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  try {
    await load(text, env);
    return [];
  } catch (error) {
    assert.equal((error as LifeboatError).type, 'InvalidConfiguration');
    const lines = (error as Error).message.split('\n').slice(1);
    return lines.map((line) => line.trim().replace(`${folder}/`, ''));
  }
}

async function hasProblem(text: string, expected: RegExp): Promise<void> {
  const found = await problems(text);
  assert.ok(
    found.some((line) => expected.test(line)),
    `${String(expected)} is not in:\n${found.join('\n')}`,
  );
}

describe('a fleet', () => {
  test('is hosts by name, whose workers serve queues of their own', async () => {
    const host = await load(`host: \${MACHINE}\n${LOCAL}`, { MACHINE: 'web-1' });
    assert.equal(host.temporal.taskQueue, 'lifeboat@web-1');
    assert.equal(host.fleet, undefined);
    const controller = await load('fleet: { hosts: [web-1, web-2] }\n');
    assert.deepEqual(controller.fleet, { hosts: ['web-1', 'web-2'], concurrency: 10 });
    assert.equal(controller.temporal.taskQueue, 'lifeboat');
    assert.deepEqual(controller.repositories, []);
    assert.deepEqual([host, controller].map(onlyAsksHosts), [false, true]);
  });

  test('can be backed up by a schedule', async () => {
    const { schedules } = await load(
      'fleet: { hosts: [web-1] }\nschedules: { nightly: { workflow: fleetBackup, cron: "0 2 * * *", input: { concurrency: 5 } } }\n',
    );
    assert.equal(schedules[0]?.workflow, 'fleetBackup');
    await hasProblem(
      'fleet: { hosts: [web-1] }\nschedules: { fleetBackup: { cron: "0 2 * * *", input: { parallel: 5 } } }\n',
      /schedules.fleetBackup.input: .*unknown field "parallel"/,
    );
  });

  test('is refused with what is wrong', async () => {
    await hasProblem('fleet: { hosts: [web-1, web-1] }\n', /fleet.hosts: names a host twice/);
    await hasProblem('fleet: { hosts: [] }\n', /fleet.hosts: must name at least one host/);
    await hasProblem('fleet: { hosts: [a b] }\n', /fleet.hosts\[0\]: must be a name/);
    await hasProblem('fleet: { hosts: [a], concurrency: 0 }\n', /fleet.concurrency: /);
    await hasProblem(
      `host: web-1\ntemporal: { taskQueue: other }\n${LOCAL}`,
      /temporal.taskQueue: give "host" or "temporal.taskQueue", not both/,
    );
    await hasProblem(
      'fleet: { hosts: [a] }\nservices: { graph: { kind: neo4j, container: neo4j } }\n',
      /repositories: there is no repository/,
    );
  });
});

describe('how snapshots are taken', () => {
  const graph = (rest: string) => `services: { graph: { kind: neo4j, container: neo4j, ${rest} } }\n${LOCAL}`;
  for (const [what, rest, problem] of [
    ['is needed by the mode', 'mode: snapshot', /services.graph.mode: needs "snapshot"/],
    [
      'needs what its kind needs',
      'snapshot: { kind: zfs, mountpoint: /srv }',
      /graph.snapshot.dataset: is missing: the name of a dataset is needed/,
    ],
    [
      'has no keys of another kind',
      'snapshot: { kind: btrfs, dataset: tank }',
      /graph.snapshot.dataset: unknown key "dataset": .* Accepted here: kind, timeout$/m,
    ],
    ['is of a known kind', 'snapshot: { kind: ext4 }', /graph.snapshot.kind: .*btrfs, zfs, lvm or commands/],
    [
      'is no shell line',
      'snapshot: { kind: commands, create: [cp -a x y], remove: [[rm]], path: /x }',
      /graph.snapshot.create\[0\]: must be a list of a program and its arguments/,
    ],
    [
      'has only placeholders that stand for something',
      'snapshot: { kind: commands, create: [[cp, "{from}"]], remove: [[rm]], path: /x }',
      /"\{from\}" stands for nothing: \{id\} and \{source\} can be used/,
    ],
    [
      'has a name that is no option of a program',
      'snapshot: { kind: zfs, dataset: "-r", mountpoint: /srv }',
      /graph.snapshot.dataset: must be the name of a dataset/,
    ],
  ] as const) {
    test(what, () => hasProblem(graph(rest), problem));
  }
});

describe('what is kept of online backups', () => {
  const graph = (rest: string) => `services: { graph: { kind: neo4j, container: neo4j, ${rest} } }\n${LOCAL}`;
  test('is said with the mode that it is for', async () => {
    const { services } = await load(graph('mode: online, differentials: {}'));
    assert.deepEqual(services[0]?.kind === 'neo4j' && services[0].differentials, { fullEvery: 7 });
    await hasProblem(
      graph('mode: freeze, differentials: {}'),
      /graph.differentials: is for the mode "online" \(or "auto"\), and the mode is "freeze"/,
    );
    await hasProblem(graph('differentials: { fullEvery: 1 }'), /differentials.fullEvery: must be at least 2/);
  });
});

describe('a good file', () => {
  test('fills in every default', async () => {
    const config = await load(`services: { graph: { kind: neo4j, container: neo4j } }\n${LOCAL}`);
    assert.deepEqual(config.services, [
      {
        kind: 'neo4j',
        name: 'graph',
        target: { container: 'neo4j' },
        stopGraceSeconds: 180,
        startTimeoutSeconds: 600,
        mode: 'auto',
        preCopy: true,
        checkCopies: true,
      },
    ]);
    assert.deepEqual(config.repositories, [{ kind: 'directory', name: 'local', path: '/backups' }]);
    assert.equal(config.consistent, false);
    assert.deepEqual(config.temporal, {
      address: '127.0.0.1:7233',
      namespace: 'default',
      taskQueue: 'lifeboat',
    });
    assert.equal(config.retention, undefined);
  });

  test('says how snapshots of a store are taken', async () => {
    const snapshotOf = async (text: string) => {
      const config = await load(
        `services: { graph: { kind: neo4j, container: neo4j, mode: snapshot, snapshot: ${text} } }\n${LOCAL}`,
      );
      const [service] = config.services;
      return service?.kind === 'neo4j' ? service.snapshot : undefined;
    };
    assert.deepEqual(await snapshotOf('{ kind: btrfs }'), { kind: 'btrfs', timeoutSeconds: 30 });
    assert.deepEqual(await snapshotOf('{ kind: lvm, volume: vg0/docker, mountpoint: /srv/, timeout: 1m }'), {
      kind: 'lvm',
      timeoutSeconds: 60,
      volume: 'vg0/docker',
      mountpoint: '/srv',
      bytes: 5 * 1024 ** 3,
    });
  });

  test('a watchdog runs every minute, unless it is switched off or declared', async () => {
    const names = async (schedules: string) =>
      (await load(`${LOCAL}schedules: ${schedules}`)).schedules.map(({ name, every }) => `${name} ${every}`);
    assert.deepEqual(await names('{}'), ['watchdog 60000']);
    assert.deepEqual(await names('{ watchdog: { enabled: false } }'), []);
    assert.deepEqual(await names('{ watchdog: { every: 5m } }'), ['watchdog 300000']);
    assert.deepEqual(await names('{ look: { workflow: watchdog, every: 2m } }'), ['look 120000']);
  });

  test('reads durations, sizes and prefixes', async () => {
    const config = await load(`
repositories:
  off: { kind: s3, bucket: backups, prefix: /a/b/, endpoint: "http://127.0.0.1:9000/", partSize: 32MiB }
services: { graph: { kind: neo4j, compose: { project: p, service: s }, stopGrace: 5m } }
`);
    const [s3] = config.repositories;
    assert.ok(s3?.kind === 's3' && s3.prefix === 'a/b' && s3.partBytes === 32 * 2 ** 20 && s3.pathStyle);
    const [graph] = config.services;
    assert.ok(graph?.kind === 'neo4j' && graph.stopGraceSeconds === 300);
    assert.deepEqual(graph.target, { compose: { project: 'p', service: 's' } });
  });

  test('rules of a repository stand in place of the general ones', async () => {
    const { retention } = await load(`
repositories: { a: { kind: directory, path: /a }, b: { kind: directory, path: /b } }
retention: { timezone: Europe/Berlin, minimum: 2, keepDaily: 7, repositories: { b: { keepMonthly: 12, maxTotalSize: 1GiB } } }
`);
    assert.ok(retention);
    assert.deepEqual(policyFor(retention, 'a'), { timezone: 'Europe/Berlin', minimum: 2, keepDaily: 7 });
    assert.deepEqual(policyFor(retention, 'b'), {
      timezone: 'Europe/Berlin',
      minimum: 2,
      keepMonthly: 12,
      maxTotalBytes: 2 ** 30,
    });
  });

  test('the example loads, and protects what it says', async () => {
    const file = new URL('../../lifeboat.example.yaml', import.meta.url).pathname;
    const config = await loadConfig({ file, env: { ...CLEAN, NEO4J_PASSWORD: 'secret' } });
    assert.deepEqual(
      config.services.map(({ name }) => name),
      ['neo4j', 'qdrant'],
    );
    assert.deepEqual(config.services[1]?.kind === 'qdrant' && config.services[1].include, [
      'lifeos_notes',
      'lifeos_resources',
    ]);
    assert.ok(config.retention && config.schedules.length === 5);
  });
});

describe('secrets', () => {
  test('come from variables, files beside the configuration and Docker secrets', async () => {
    await writeFile(join(folder, 'password'), 'from a file\n');
    const config = await load(
      `services:
  a: { kind: neo4j, container: a, password: "\${PW}" }
  b: { kind: neo4j, container: b, passwordFile: password }
  c: { kind: neo4j, container: c, password: "\${NONE:-fallback}" }
  d: { kind: neo4j, container: d, password: "$\${PW}" }
${LOCAL}`,
      { PW: 'from a variable' },
    );
    const passwords = config.services.map((one) => one.kind === 'neo4j' && one.password?.reveal());
    assert.deepEqual(passwords, ['from a variable', 'from a file', 'fallback', `\${PW}`]);
  });

  test('never show, however the configuration is printed', async () => {
    const config = await load(
      `services: { a: { kind: neo4j, container: a, password: hunter22 } }
repositories: { s: { kind: s3, bucket: abc, accessKeyId: hunter22, secretAccessKey: hunter22 } }
encryption: { passphrase: hunter22 }`,
    );
    for (const text of [
      JSON.stringify(config),
      inspect(config, { depth: 20 }),
      String(config.encryption?.passphrase),
    ]) {
      assert.ok(!text.includes('hunter22'), text);
    }
  });

  test('never show in a problem', async () => {
    const found = await problems(
      `services: { a: { kind: neo4j, container: a, password: [hunter22], bolt: x } }\n${LOCAL}encryption: { recipients: [], identities: [hunter22] }`,
    );
    assert.ok(found.length >= 3);
    assert.ok(!found.join().includes('hunter22'), found.join('\n'));
  });

  test('identities are read from age’s own files, comments and all', async () => {
    await writeFile(join(folder, 'id.txt'), '# created: today\n# public key: age1x\nAGE-SECRET-KEY-1ABC\n');
    const recipient = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
    const text = `${LOCAL}encryption: { recipients: [${recipient}], identityFile: id.txt }`;
    assert.deepEqual(
      (await load(text)).encryption?.identities.map((one) => one.reveal()),
      ['AGE-SECRET-KEY-1ABC'],
    );
    await writeFile(join(folder, 'id.txt'), 'nonsense\n');
    await hasProblem(text, /encryption\.identityFile: has a line that is no age identity/);
  });

  test('what is missing is told with its name and place', async () => {
    const found = await problems(
      `services:\n  a: { kind: neo4j, container: a, password: "\${NOT_SET}" }\n  b: { kind: neo4j, container: b, passwordFile: not-there }\n${LOCAL}`,
    );
    assert.match(
      found[0] ?? '',
      /^lifeboat\.yaml:2:45: services\.a\.password: the environment variable NOT_SET is not set/,
    );
    assert.match(
      found[1] ?? '',
      /^lifeboat\.yaml:3:35: services\.b\.passwordFile: no readable file: tried .*not-there \(ENOENT\)/,
    );
    assert.equal(found.length, 2);
  });
});

describe('a bad file', () => {
  test('every problem is told at once, in the order of the file, with line, column and path', async () => {
    const found = await problems(`services:
  graph:
    kind: neo4j
    contaner: neo4j
    stopGrace: 5
repositories:
  local: { kind: directory, path: relative }
schedules:
  nightly: { workflow: backup, cron: "0 0 30 2 *", timezone: Mars/Base }
`);
    assert.deepEqual(
      found.map((line) => line.replace(/(: [^ ]+: ).*/, '$1').trim()),
      [
        'lifeboat.yaml:2:3: services.graph:',
        'lifeboat.yaml:4:5: services.graph.contaner:',
        'lifeboat.yaml:5:5: services.graph.stopGrace:',
        'lifeboat.yaml:7:29: repositories.local.path:',
        'lifeboat.yaml:9:32: schedules.nightly.cron:',
        'lifeboat.yaml:9:52: schedules.nightly.timezone:',
      ],
    );
  });

  test('the problems are data too', async () => {
    await assert.rejects(load(`${LOCAL}consistent: maybe`), (error: LifeboatError) => {
      const { problems: list } = error.details as { problems: { path: string; line: number }[] };
      assert.deepEqual(
        list.map(({ path, line }) => [path, line]),
        [['consistent', 2]],
      );
      return true;
    });
  });

  const cases: [string, string, RegExp][] = [
    [
      'an unknown key, with the nearest known one',
      `${LOCAL}servics: {}`,
      /servics: unknown key "servics": did you mean "services"\? Accepted here: services, /,
    ],
    [
      'a key written with an underscore',
      `services: { a: { kind: neo4j, container: a, password_file: x } }\n${LOCAL}`,
      /did you mean "passwordFile"/,
    ],
    [
      'two services with one name',
      `services:\n  a: { kind: neo4j, container: a }\n  a: { kind: neo4j, container: b }\n${LOCAL}`,
      /^lifeboat\.yaml:3:3: "a" stands here a second time/,
    ],
    [
      'the same container twice',
      `services: { a: { kind: neo4j, container: x }, b: { kind: neo4j, container: x } }\n${LOCAL}`,
      /services\.b\.container: the container "x" is already the service "a"/,
    ],
    [
      'the same server twice',
      `services: { a: { kind: qdrant, url: "http://h:1" }, b: { kind: qdrant, urls: ["http://H:1/"] } }\n${LOCAL}`,
      /is already the service "a"/,
    ],
    [
      'a container and a compose service',
      `services: { a: { kind: neo4j, container: x, compose: { project: p, service: s } } }\n${LOCAL}`,
      /give "container" or "compose", not both/,
    ],
    [
      'an unknown kind',
      `services: { a: { kind: postgres } }\n${LOCAL}`,
      /services\.a\.kind: .*neo4j or qdrant/,
    ],
    [
      'a name that can not be part of a key',
      `services: { "a/b": { kind: neo4j, container: x } }\n${LOCAL}`,
      /services\.a\/b: must be a name/,
    ],
    ['no repository', 'services: {}', /there is no repository to keep sets in: add one, such as/],
    ['an empty map of repositories', 'repositories: {}', /there is no repository/],
    [
      'a repository used twice',
      'repositories: { a: { kind: directory, path: /x/y }, b: { kind: directory, path: /x//y/ } }',
      /is the same place as the repository "a"/,
    ],
    [
      'a repository used twice with different keys',
      `repositories:\n  a: { kind: s3, bucket: abc, accessKeyId: k1, secretAccessKey: s }\n  b: { kind: s3, bucket: abc, prefix: /, accessKeyId: k2, secretAccessKey: s }`,
      /same place as the repository "a", with different keys/,
    ],
    [
      'half of a key',
      'repositories: { a: { kind: s3, bucket: abc, accessKeyId: k } }',
      /needs both "accessKeyId" and "secretAccessKey"/,
    ],
    [
      'a size that is none',
      'repositories: { a: { kind: s3, bucket: abc, partSize: 16 MB of it } }',
      /"16 MB of it" must be a size/,
    ],
    [
      'a size below its bound',
      'repositories: { a: { kind: s3, bucket: abc, partSize: 1MiB } }',
      /at least 5MiB/,
    ],
    [
      'a duration outside its bounds',
      `services: { a: { kind: neo4j, container: x, stopGrace: 2d } }\n${LOCAL}`,
      /"2d" must be a duration .* from 10s to 1h/,
    ],
    [
      'a recipient that does not parse',
      `${LOCAL}encryption: { recipients: [age1XYZ!] }`,
      /encryption\.recipients\[0\]: must be an age public key/,
    ],
    [
      'recipients and a passphrase',
      `${LOCAL}encryption: { recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p], passphrase: x }`,
      /not both: age can not mix them/,
    ],
    ['encryption for nobody', `${LOCAL}encryption: {}`, /needs "recipients"/],
    ['a retention that would keep nothing', `${LOCAL}retention: { keepLast: 0 }`, /would keep nothing/],
    ['an empty retention', `${LOCAL}retention: {}`, /would keep nothing/],
    [
      'a floor below one',
      `${LOCAL}retention: { keepLast: 1, minimum: 0 }`,
      /the last good set is never deleted/,
    ],
    [
      'rules for an unknown repository',
      `${LOCAL}retention: { keepLast: 1, repositories: { lokal: { keepLast: 1 } } }`,
      /there is no repository "lokal": did you mean "local"/,
    ],
    [
      'a service with the name of the pause of the application',
      `services: { application: { kind: neo4j, container: a } }\n${LOCAL}`,
      /services\.application: no service can be named "application".*give it another name/,
    ],
    [
      'a cron expression that never fires',
      `${LOCAL}schedules: { backup: { cron: 0 0 31 4 * } }`,
      /"0 0 31 4 \*" never fires/,
    ],
    [
      'a cron expression with seconds',
      `${LOCAL}schedules: { backup: { cron: 0 0 0 * * * } }`,
      /is not a cron expression: give minute, hour/,
    ],
    [
      'a calendar that never fires',
      `${LOCAL}schedules: { backup: { calendar: { month: FEBRUARY, dayOfMonth: 30 } } }`,
      /calendar: never fires/,
    ],
    [
      'a calendar with a wrong field',
      `${LOCAL}schedules: { backup: { calendar: { hour: 24 } } }`,
      /calendar\.hour: must be a number from 0 to 23/,
    ],
    [
      'a time zone that does not exist',
      `${LOCAL}schedules: { backup: { every: 1h, timezone: CEST5 } }`,
      /"CEST5" is not a time zone that exists/,
    ],
    [
      'a schedule without a time',
      `${LOCAL}schedules: { backup: {} }`,
      /needs a time: "cron", "calendar" or "every"/,
    ],
    [
      'a schedule with two times',
      `${LOCAL}schedules: { backup: { every: 1h, cron: "@daily" } }`,
      /give one of "cron", "every"/,
    ],
    [
      'a schedule without a workflow',
      `${LOCAL}schedules: { nightly: { every: 1h } }`,
      /needs "workflow": one of backup, /,
    ],
    ['pruning without a retention', `${LOCAL}schedules: { prune: { every: 1h } }`, /there is no "retention"/],
    [
      'a quiesce entry that is no container',
      `${LOCAL}quiesce: [{ compose: { project: p } }]`,
      /quiesce\[0\]\.compose\.service: is missing/,
    ],
    [
      'an address without a port',
      `${LOCAL}temporal: { address: localhost }`,
      /temporal\.address: must be host:port/,
    ],
    ['YAML that is none', 'services: [', /^lifeboat\.yaml:1:\d+: not valid YAML/],
    ['a list where a map is needed', '- a', /must be a map with the keys services, repositories/],
    [
      'an input that the workflow would refuse',
      `${LOCAL}schedules: { backup: { every: 1h, input: { service: graph } } }`,
      /schedules\.backup\.input: The input of backup is not valid: unknown field "service"/,
    ],
    [
      'an input that names a repository that is not there',
      `${LOCAL}schedules: { verify: { every: 1h, input: { repository: locl } } }`,
      /there is no repository "locl": did you mean "local"/,
    ],
  ];
  const grown = Array.from(
    { length: 30 },
    (_, at) => `a${at}: &a${at} [${at ? `*a${at - 1},`.repeat(9) : 'x'}]`,
  );
  for (const [what, text, expected] of [
    ['aliases that would fill the memory', grown.join('\n'), /not valid YAML: Excessive alias count/],
    ['an alias of what it stands in', 'services: &a { b: [*a] }', /more than 40 levels deep/],
    ['brackets without end', '{a: '.repeat(50_000), /more than 40 levels deep/],
    ['lists without end', '- '.repeat(50_000), /more than 40 levels deep/],
    ['a map as a key', '? { a: b }\n: c', /not valid YAML: With stringKeys/],
    [
      'a variable that is none',
      `${LOCAL}temporal: { namespace: "\${constructor}" }`,
      /variable constructor is not set/,
    ],
  ] as const) {
    test(`refuses ${what}`, () => hasProblem(text, expected));
  }

  test('of very many problems the first hundred are told, and none at any length', async () => {
    const many = Array.from({ length: 150 }, (_, at) => `wrong${at}: 1`).join('\n');
    const found = await problems(many);
    assert.equal(found.length, 101);
    assert.match(found.at(-1) ?? '', /^and \d\d more$/);
    assert.ok((await problems(`${'x'.repeat(70_000)}: 1`)).every((line) => line.length <= 500));
  });

  for (const [what, text, expected] of cases) {
    test(`refuses ${what}`, () => hasProblem(text, expected));
  }

  test('a file that is not there says where it was looked for and what to do', async () => {
    await assert.rejects(
      loadConfig({ file: join(folder, 'none.yaml'), env: CLEAN }),
      /looked for .*none\.yaml\. Copy lifeboat\.example\.yaml/,
    );
  });
});

test('durations and sizes need a unit', () => {
  assert.equal(parseDuration('90s'), 90_000);
  assert.equal(parseDuration('1.5 h'), 5_400_000);
  for (const text of ['90', '', 'soon', '-5m', '5 parsecs'])
    assert.equal(parseDuration(text), undefined, text);
  assert.equal(parseSize('16MiB'), 16_777_216);
  assert.equal(parseSize('1.5 GB'), 1_500_000_000);
  for (const text of ['16', 'MiB', '16 mibs', '-1GB']) assert.equal(parseSize(text), undefined, text);
});

describe('the Temporal connection', () => {
  test('variables come before the file, the file before defaults', async () => {
    const text = `${LOCAL}temporal: { address: "file:1", namespace: ours, taskQueue: q }`;
    assert.deepEqual((await load(text)).temporal, { address: 'file:1', namespace: 'ours', taskQueue: 'q' });
    const config = await load(text, { TEMPORAL_ADDRESS: 'env:2' });
    assert.deepEqual(config.temporal, { address: 'env:2', namespace: 'ours', taskQueue: 'q' });
  });

  test('TLS and the API key come from Temporal’s own profile', async () => {
    const toml = join(folder, 'temporal.toml');
    await writeFile(toml, '[profile.cloud]\naddress = "cloud:7233"\nnamespace = "n.acct"\napi_key = "key"\n');
    const env = { TEMPORAL_CONFIG_FILE: toml };
    const config = await load(`${LOCAL}temporal: { profile: cloud }`, env);
    const connection = temporalConnection(config, env);
    assert.equal(connection.connectionOptions.address, 'cloud:7233');
    assert.equal(connection.namespace, 'n.acct');
    assert.ok(connection.connectionOptions.apiKey);
    assert.ok(connection.connectionOptions.tls);
    assert.ok(!JSON.stringify(config).includes('"key"'));
  });

  test('a profile that does not exist is a problem of the configuration', async () => {
    const toml = join(folder, 'temporal.toml');
    await writeFile(toml, '[profile.other]\naddress = "cloud:7233"\n');
    await assert.rejects(
      load(`${LOCAL}temporal: { profile: cloud }`, { TEMPORAL_CONFIG_FILE: toml }),
      /temporal: Temporal’s own configuration can not be used/,
    );
  });
});

describe('a running configuration', () => {
  test('changes with its file, and the last good one stays when the file is bad', async () => {
    const first = await load(`${LOCAL}consistent: false`);
    const file = first.file as string;
    const events = new EventTarget();
    const watched = watchConfig(first, {
      env: CLEAN,
      signals: false,
      onChange: () => events.dispatchEvent(new Event('good')),
      onBad: (error) => events.dispatchEvent(Object.assign(new Event('bad'), { error })),
    });
    try {
      const good = once(events, 'good');
      await writeFile(file, `${LOCAL}consistent: true`);
      await good;
      assert.equal(watched.current().consistent, true);

      const bad = once(events, 'bad');
      await writeFile(file, `${LOCAL}consistent: perhaps`);
      const [{ error }] = (await bad) as [{ error: LifeboatError }];
      assert.match(
        error.message,
        /last good configuration stays in force.*consistent: must be true or false/s,
      );
      assert.equal(watched.current().consistent, true);

      await writeFile(file, `${LOCAL}consistent: false`);
      assert.equal(await watched.reload(), true);
      assert.equal(watched.current().consistent, false);
    } finally {
      watched.close();
    }
  });
});

test('the published schema and the reference are current', async () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  for (const [path, text] of Object.entries(await generatedFiles())) {
    const same = path.endsWith('.json')
      ? JSON.stringify(JSON.parse(await read(path))) === JSON.stringify(JSON.parse(text))
      : (await read(path)) === text;
    assert.ok(
      same,
      `${path} is not current: run node scripts/configuration-reference.ts, then npm run format`,
    );
  }
});
