import { closest } from 'fastest-levenshtein';
import { NAME, whyReserved } from '../model/names.ts';
import { buildService } from './build.ts';
import type { Config, ContainerReference, Service } from './config.ts';
import { invalidConfiguration, type Problem, problemsOf, problemText } from './problems.ts';
import { serviceSchema } from './schema.ts';
import { Secret } from './secret.ts';
import type { SecretFiles } from './secret-files.ts';

/** A container as the Docker engine lists it. */
export interface LabelledContainer {
  id: string;
  /** With or without the leading slash. */
  name: string;
  labels: Record<string, string>;
}

export interface LabelledServices {
  /** In the order of their names. */
  services: Service[];
  problems: Problem[];
  /** The problems as sentences. */
  errors: string[];
}

/** Labels that a person writes, each with the field that it sets. Labels that Lifeboat itself sets are others. */
const FIELDS = {
  'lifeboat.enable': 'enable',
  'lifeboat.kind': 'kind',
  'lifeboat.name': 'name',
  'lifeboat.bolt': 'bolt',
  'lifeboat.username': 'username',
  'lifeboat.password-env': 'passwordEnv',
  'lifeboat.databases': 'databases',
  'lifeboat.stop-grace': 'stopGrace',
  'lifeboat.start-timeout': 'startTimeout',
  'lifeboat.mode': 'mode',
  'lifeboat.url': 'url',
  'lifeboat.api-key-env': 'apiKeyEnv',
  'lifeboat.include': 'include',
  'lifeboat.exclude': 'exclude',
} as const;

/** Labels that a person writes. */
export const SERVICE_LABELS = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

/** Lifeboat's own marks on what it makes: not for services. */
const OWN_LABELS = new Set(
  ['role', 'installation', 'service', 'set', 'workflow', 'run', 'window', 'container'].map(
    (key) => `lifeboat.${key}`,
  ),
);

const LISTS = new Set(['databases', 'include', 'exclude']);

/**
 * The services that containers declare by labels. Pure. Passwords and keys come from the variables of this process
 * (`lifeboat.password-env`), never from a label itself, which everybody on the machine can read.
 * @param declared the file's services: a labelled container that is one of them is the same service where the labels say nothing
 * else, and a contradiction is a problem.
 */
export function servicesFromLabels(
  containers: readonly LabelledContainer[],
  declared: readonly Service[] = [],
  env: NodeJS.ProcessEnv = {},
): LabelledServices {
  const services: Service[] = [];
  const problems: Problem[] = [];
  const byName = [...containers].sort((a, b) => a.name.localeCompare(b.name));
  for (const container of byName) {
    const name = container.name.replace(/^\//, '');
    const found: Problem[] = [];
    const service = serviceOf(container, name, env, found);
    if (service) {
      const known = [...declared, ...services];
      const same = declared.find((one) => isSame(one, service, container, name));
      if (same) found.push(...contradictions(same, service, container.labels));
      else if (known.some((one) => one.name === service.name)) {
        const message = `there is a service "${service.name}" already: give this container another lifeboat.name`;
        found.push({ path: ['lifeboat.name'], message });
      } else services.push(service);
    }
    problems.push(...found.map((problem) => ({ ...problem, source: `container ${name}` })));
  }
  return { services, problems, errors: problems.map((problem) => problemText(problem, '')) };
}

/**
 * A configuration with the services that labels add. Pure: ask the engine for containers with `lifeboat.enable`, and again when the
 * configuration is read anew.
 * @throws {LifeboatError} `InvalidConfiguration` with every bad label.
 */
export function withLabelledServices(
  config: Config,
  containers: readonly LabelledContainer[],
  env: NodeJS.ProcessEnv = {},
): Config {
  const { services, problems } = servicesFromLabels(containers, config.services, env);
  if (problems.length > 0) throw invalidConfiguration(problems, config.file ?? '');
  return services.length === 0 ? config : { ...config, services: [...config.services, ...services] };
}

function serviceOf(
  container: LabelledContainer,
  name: string,
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): Service | undefined {
  const { labels } = container;
  const enable = labels['lifeboat.enable'];
  const written = Object.keys(labels).filter((key) => key.startsWith('lifeboat.') && !OWN_LABELS.has(key));
  for (const key of written.filter((one) => !(one in FIELDS))) {
    const message = `unknown label: did you mean "${closest(key, SERVICE_LABELS)}"? Known: ${SERVICE_LABELS.join(', ')}`;
    problems.push({ path: [key], message });
  }
  if (enable === undefined || enable === 'false') return undefined;
  if (enable !== 'true') {
    problems.push({ path: ['lifeboat.enable'], message: `is "${enable}": it must be true or false` });
    return undefined;
  }
  const values: Record<string, unknown> = {};
  for (const [label, field] of Object.entries(FIELDS)) {
    const text = labels[label];
    if (text === undefined || field === 'enable' || field === 'name') continue;
    values[field] = LISTS.has(field) ? text.split(',').map((part) => part.trim()) : text;
  }
  const secrets = secretsOf(values, env, problems);
  if (values.kind === 'neo4j') Object.assign(values, referenceOf(container, name));
  const parsed = serviceSchema.safeParse(values);
  const serviceName = labels['lifeboat.name'] ?? labels['com.docker.compose.service'] ?? name;
  if (!NAME.test(serviceName)) {
    const message = `"${serviceName}" must be a name of at most 63 letters, digits and . _ -`;
    problems.push({ path: ['lifeboat.name'], message });
  }
  const reserved = whyReserved(serviceName);
  if (reserved !== undefined) problems.push({ path: ['lifeboat.name'], message: reserved });
  if (values.kind === 'qdrant' && values.url === undefined) {
    problems.push({
      path: ['lifeboat.url'],
      message: 'is missing: the base URL, such as http://qdrant:6333',
    });
  }
  if (!parsed.success) {
    problems.push(
      ...problemsOf(parsed.error.issues).map(({ path, message }) => ({
        path: [labelOf(String(path[0] ?? 'kind')), ...path.slice(1)],
        message: message.replace(/: did you mean.*/s, ` does not belong to a ${String(values.kind)}`),
      })),
    );
  }
  return parsed.success && problems.length === 0
    ? buildService(serviceName, parsed.data, secrets)
    : undefined;
}

const labelOf = (field: string): string =>
  Object.entries(FIELDS).find(([, one]) => one === field)?.[0] ?? `lifeboat.${field}`;

/** How the container is found again after compose made it anew. */
function referenceOf(container: LabelledContainer, name: string): ContainerReference {
  const project = container.labels['com.docker.compose.project'];
  const service = container.labels['com.docker.compose.service'];
  return project && service ? { compose: { project, service } } : { container: name };
}

/** Take the `…Env` fields out of the values and keep what their variables hold. */
function secretsOf(
  values: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): SecretFiles {
  const read = new Map<string, Secret>();
  for (const key of ['password', 'apiKey']) {
    const variable = values[`${key}Env`];
    delete values[`${key}Env`];
    if (typeof variable !== 'string') continue;
    const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
    if (value) read.set(key, new Secret(value));
    else {
      const message = `the environment variable ${variable} is not set for Lifeboat: set it`;
      problems.push({ path: [labelOf(`${key}Env`)], message });
    }
  }
  return { problems: [], content: () => undefined, secret: (_section, key) => read.get(key) };
}

/** Whether a service of the file protects what this container holds. */
function isSame(declared: Service, labelled: Service, container: LabelledContainer, name: string): boolean {
  if (declared.kind === 'qdrant') {
    return labelled.kind === 'qdrant' && labelled.urls.some((url) => declared.urls.includes(url));
  }
  const { target } = declared;
  if ('container' in target) return target.container === name || target.container === container.id;
  return (
    target.compose.project === container.labels['com.docker.compose.project'] &&
    target.compose.service === container.labels['com.docker.compose.service']
  );
}

/** What the labels say outright and the file says otherwise. */
function contradictions(declared: Service, labelled: Service, labels: Record<string, string>): Problem[] {
  const inFile = declared as unknown as Record<string, unknown>;
  const inLabels = labelled as unknown as Record<string, unknown>;
  return Object.entries(FIELDS).flatMap(([label, field]): Problem[] => {
    const key = FIELD_OF_SERVICE[field] ?? field;
    if (labels[label] === undefined || !(key in inLabels)) return [];
    if (JSON.stringify(inFile[key]) === JSON.stringify(inLabels[key])) return [];
    const message = `is "${labels[label]}", and the file says ${shown(inFile[key])} for the service "${declared.name}": make them agree, or remove one`;
    return [{ path: [label], message }];
  });
}

const FIELD_OF_SERVICE: Record<string, string> = {
  url: 'urls',
  stopGrace: 'stopGraceSeconds',
  startTimeout: 'startTimeoutSeconds',
};

const shown = (value: unknown): string => (value === undefined ? 'nothing' : `"${String(value)}"`);
