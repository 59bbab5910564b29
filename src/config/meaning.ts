import { posix } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { hostQueue, whyReserved } from '../model/names.ts';
import { type KeepRules, saysWhatStays } from '../model/retention/policy.ts';
import { codecProblems } from './codec.ts';
import type { Problem } from './problems.ts';
import { scheduleProblems } from './schedule-meaning.ts';

type Raw = Record<string, unknown>;

const isMap = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const entries = (value: unknown): [string, Raw][] =>
  isMap(value) ? Object.entries(value).filter((entry): entry is [string, Raw] => isMap(entry[1])) : [];
const given = (value: Raw, key: string): boolean => value[key] !== undefined && value[key] !== null;

/**
 * What a schema of single values can not see: things that contradict each other. It takes the file as it was written,
 * right or wrong, so that these problems are told together with the schema's.
 */
export function meaningProblems(file: unknown): Problem[] {
  if (!isMap(file)) return [];
  return [
    ...serviceProblems(file),
    ...repositoryProblems(file),
    ...encryptionProblems(file),
    ...retentionProblems(file),
    ...scheduleProblems(file),
    ...hostProblems(file),
    ...codecProblems(file),
  ];
}

/** The host's name decides which task queue its worker serves. */
function hostProblems(file: Raw): Problem[] {
  if (!given(file, 'host') || !isMap(file.temporal) || !given(file.temporal, 'taskQueue')) return [];
  const message = `give "host" or "temporal.taskQueue", not both: the host "${String(file.host)}" serves ${hostQueue(String(file.host))}`;
  return [{ path: ['temporal', 'taskQueue'], message }];
}

function serviceProblems(file: Raw): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  for (const [name, service] of entries(file.services)) {
    const path = ['services', name];
    const reserved = whyReserved(name);
    if (reserved !== undefined) problems.push({ path, message: reserved });
    if (service.kind === 'neo4j') problems.push(...exactlyOne(service, path, 'container', 'compose'));
    if (service.kind === 'neo4j') problems.push(...modeProblems(service, path));
    if (service.kind === 'qdrant') problems.push(...exactlyOne(service, path, 'url', 'urls'));
    for (const target of targetsOf(service)) {
      const other = seen.get(target.what);
      if (other !== undefined) {
        problems.push({
          path: [...path, target.key],
          message: `${target.what} is already the service "${other}": protect it once`,
        });
      }
      seen.set(target.what, name);
    }
  }
  return problems;
}

function modeProblems({ mode, snapshot, differentials }: Raw, path: string[]): Problem[] {
  if (isMap(differentials) && mode !== undefined && mode !== 'auto' && mode !== 'online') {
    const message = `is for the mode "online" (or "auto"), and the mode is "${String(mode)}": leave one of them out`;
    return [{ path: [...path, 'differentials'], message }];
  }
  if (mode !== 'snapshot' || (snapshot !== undefined && snapshot !== null)) return [];
  const message = 'needs "snapshot", which says how one is taken, such as snapshot: { kind: btrfs }';
  return [{ path: [...path, 'mode'], message }];
}

/** What a service protects, as a text that two services have in common only when they protect the same thing. */
export function targetsOf(service: Raw): { key: string; what: string }[] {
  const { container, compose, url, urls } = service;
  if (service.kind === 'neo4j') {
    if (typeof container === 'string') return [{ key: 'container', what: `the container "${container}"` }];
    if (!isMap(compose)) return [];
    const what = `the compose service "${String(compose.project)}/${String(compose.service)}"`;
    return [{ key: 'compose', what }];
  }
  const all: unknown[] = [...(Array.isArray(urls) ? urls : []), ...(url === undefined ? [] : [url])];
  return all
    .filter((one): one is string => typeof one === 'string')
    .map((one) => ({ key: urls === undefined ? 'url' : 'urls', what: `the server ${withoutSlash(one)}` }));
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '').toLowerCase();

function exactlyOne(value: Raw, path: string[], first: string, second: string): Problem[] {
  if (given(value, first) && given(value, second)) {
    return [{ path: [...path, second], message: `give "${first}" or "${second}", not both` }];
  }
  if (!given(value, first) && !given(value, second))
    return [{ path, message: `needs "${first}" or "${second}"` }];
  return [];
}

function repositoryProblems(file: Raw): Problem[] {
  const problems: Problem[] = [];
  const none = !isMap(file.repositories) || Object.keys(file.repositories).length === 0;
  // What only asks other hosts for their backups keeps nothing itself.
  if (none && !(isMap(file.fleet) && entries(file.services).length === 0)) {
    const example = 'repositories: { local: { kind: directory, path: /var/backups/lifeboat } }';
    problems.push({
      path: ['repositories'],
      message: `there is no repository to keep sets in: add one, such as ${example}`,
    });
  }
  const seen = new Map<string, [string, Raw]>();
  for (const [name, repository] of entries(file.repositories)) {
    const path = ['repositories', name];
    if (hasSecret(repository, 'accessKeyId') !== hasSecret(repository, 'secretAccessKey')) {
      problems.push({
        path,
        message: 'needs both "accessKeyId" and "secretAccessKey" (or their …File keys), or neither',
      });
    }
    const place = placeOf(repository);
    const other = place === undefined ? undefined : seen.get(place);
    if (other) {
      const keys = credentialsOf(other[1]) === credentialsOf(repository) ? '' : ', with different keys';
      problems.push({
        path,
        message: `is the same place as the repository "${other[0]}"${keys}: two copies in one place are one copy; give another path, bucket or prefix`,
      });
    }
    if (place !== undefined) seen.set(place, [name, repository]);
  }
  return problems;
}

const hasSecret = (value: Raw, key: string): boolean => given(value, key) || given(value, `${key}File`);

function placeOf(repository: Raw): string | undefined {
  const prefix = String(repository.prefix ?? '').replace(/^\/+|\/+$/g, '');
  const { kind, path, bucket, endpoint } = repository;
  if (kind === 'directory') {
    return typeof path === 'string'
      ? `directory ${posix.normalize(path).replace(/(?<=.)\/+$/, '')}`
      : undefined;
  }
  if (typeof bucket !== 'string') return undefined;
  return `${String(kind)} ${withoutSlash(String(endpoint ?? ''))} ${bucket}/${prefix}`;
}

const credentialsOf = (repository: Raw): string =>
  JSON.stringify(
    ['accessKeyId', 'accessKeyIdFile', 'credentials', 'credentialsFile'].map(
      (key) => repository[key] ?? null,
    ),
  );

function encryptionProblems(file: Raw): Problem[] {
  const encryption = file.encryption;
  if (!isMap(encryption)) return [];
  const recipients = Array.isArray(encryption.recipients) && encryption.recipients.length > 0;
  const passphrase = hasSecret(encryption, 'passphrase');
  const path = ['encryption'];
  if (recipients && passphrase) {
    return [
      { path, message: 'give "recipients" or "passphrase", not both: age can not mix them in one file' },
    ];
  }
  if (!recipients && !passphrase) {
    return [
      { path, message: 'needs "recipients" (age public keys) or "passphrase", or leave the section out' },
    ];
  }
  return [];
}

function retentionProblems(file: Raw): Problem[] {
  const retention = file.retention;
  if (!isMap(retention)) return [];
  const problems: Problem[] = [];
  const check = (rules: Raw, path: PropertyKey[]): void => {
    const read = { ...rules, ...(given(rules, 'maxTotalSize') ? { maxTotalBytes: 1 } : {}) };
    if (saysWhatStays(read as KeepRules)) return;
    problems.push({
      path,
      message:
        'would keep nothing: give at least one keep rule above 0 (keepLast, keepDaily, …), maxAge or maxTotalSize, or keepAll: true',
    });
  };
  check(retention, ['retention']);
  for (const [name, rules] of entries(retention.services)) check(rules, ['retention', 'services', name]);
  const repositories = isMap(file.repositories) ? Object.keys(file.repositories) : [];
  for (const [name, rules] of entries(retention.repositories)) {
    const path = ['retention', 'repositories', name];
    check(rules, path);
    if (repositories.length > 0 && !repositories.includes(name)) {
      const message = `there is no repository "${name}": did you mean "${closest(name, repositories)}"?`;
      problems.push({ path, message });
    }
  }
  return problems;
}
