import { describeReference, findContainer } from '../../adapters/docker/container.ts';
import { asking, connectEngine, type Engine } from '../../adapters/docker/engine.ts';
import { labelledContainers } from '../../adapters/docker/labelled-containers.ts';
import type { Config, Neo4jService, QdrantService } from '../../config/config.ts';
import { onlyAsksHosts } from '../../config/fleet.ts';
import { servicesFromLabels } from '../../config/labels.ts';
import { LifeboatError, messageOf } from '../../model/failures.ts';
import { lookAtBolt } from './bolt-checks.ts';
import { type Check, type Finding, fail, ok, warn } from './check.ts';

/** How long a server gets to answer (milliseconds). */
const TIMEOUT = 5_000;

/** The Docker engine, and every service. */
export function engineChecks(config: Config): Check[] {
  const engine = connectEngine();
  const neo4j = config.services.filter((service) => service.kind === 'neo4j');
  return [
    {
      subject: 'Docker',
      look: async () => await lookAtEngine(engine, config),
    },
    ...neo4j.map((service) => ({
      subject: `service ${service.name}`,
      look: () => lookAtContainer(engine, service),
    })),
    ...config.services
      .filter((service) => service.kind === 'qdrant')
      .flatMap((service) =>
        service.urls.map((url) => ({
          subject: `service ${service.name}`,
          look: () => lookAtQdrant(service, url),
        })),
      ),
  ];
}

async function lookAtEngine(engine: Engine, config: Config): Promise<Finding[]> {
  try {
    const { Version, ApiVersion } = await asking('ask for its version', () => engine.version());
    return [...ok('Docker', `engine ${Version}, API ${ApiVersion}`), ...(await lookAtLabels(engine, config))];
  } catch (error) {
    const away = error instanceof LifeboatError && error.type === 'EngineUnreachable';
    if (!away || !onlyAsksHosts(config)) throw error;
    return warn(
      'Docker',
      'there is none',
      'The controller of a fleet needs none, unless containers declare services to it by labels.',
    );
  }
}

/** Services that containers declare by labels. */
async function lookAtLabels(engine: Engine, config: Config): Promise<Finding[]> {
  const containers = await labelledContainers(engine);
  const { services, errors } = servicesFromLabels(containers, config.services, process.env);
  return [
    ...errors.flatMap((error) => fail('labels', error, 'Mend the label, and make the container anew.')),
    ...services.flatMap(({ name, kind }) => ok('labels', `declare the ${kind} service ${name}`)),
  ];
}

async function lookAtContainer(engine: Engine, service: Neo4jService): Promise<Finding[]> {
  const subject = `service ${service.name}`;
  const container = await findContainer(engine, service.target);
  const what = describeReference(service.target);
  const findings: Finding[] = [];
  if (container.autoRemove) {
    findings.push(
      ...fail(
        subject,
        `${what} is removed when it stops`,
        'Run it without --rm: it could not be started again.',
      ),
    );
  }
  if (!container.running) {
    findings.push(
      ...warn(subject, `${what} is ${container.status}`, 'Start it, unless it is meant to be down.'),
    );
  }
  if (container.health === 'unhealthy') {
    findings.push(...warn(subject, `${what} is unhealthy`, `Look at its log: docker logs ${container.name}`));
  }
  if (container.running && !container.paused)
    findings.push(...(await lookAtBolt(engine, service, container)));
  if (!service.password) {
    const advice = 'Give username and password, so that a restore and a drill can compare counts.';
    findings.push(...warn(subject, 'there is no password', advice));
  }
  return findings.length > 0 ? findings : ok(subject, `${what} runs ${container.image}`);
}

async function lookAtQdrant(service: QdrantService, url: string): Promise<Finding[]> {
  const subject = `service ${service.name}`;
  let response: Response;
  try {
    response = await fetch(`${url}/collections`, {
      headers: service.apiKey ? { 'api-key': service.apiKey.reveal() } : {},
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    const advice = 'Check that it runs and that its port is published on this address.';
    return fail(subject, `${url} does not answer (${messageOf(error)})`, advice);
  }
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) {
    return fail(
      subject,
      `${url} refuses the API key`,
      'Set apiKey or apiKeyFile to a key with manage access.',
    );
  }
  return response.ok
    ? ok(subject, `${url} answers`)
    : fail(
        subject,
        `${url} answers with ${response.status}`,
        'Check that this is the address of a Qdrant server.',
      );
}
