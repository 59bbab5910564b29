import type { Container } from '../../adapters/docker/container.ts';
import type { Engine } from '../../adapters/docker/engine.ts';
import { boltAnswers, databasesAnswer } from '../../adapters/neo4j/bolt.ts';
import { isServing, namedDatabases, publishedBolt } from '../../adapters/neo4j/serving.ts';
import type { Neo4jService } from '../../config/config.ts';
import { LifeboatError } from '../../model/failures.ts';
import { type Finding, fail } from './check.ts';

/** What would keep a backup from seeing that a running database is up, or from counting in it; nothing when all is well. */
export async function lookAtBolt(
  engine: Engine,
  service: Neo4jService,
  container: Container,
): Promise<Finding[]> {
  const subject = `service ${service.name}`;
  const { serving, evidence } = await isServing(engine, service, container);
  if (!serving) {
    return evidence === 'bolt'
      ? fail(
          subject,
          `it does not answer at ${service.bolt}`,
          `Correct bolt to an address at which the worker reaches it; if it is right, look at its log: docker logs ${container.name}`,
        )
      : fail(
          subject,
          `it runs and does not answer (by ${evidence})`,
          `Look at its log: docker logs ${container.name}`,
        );
  }
  const { username, password } = service;
  const address = service.bolt ?? publishedBolt(container);
  if (!username || !password || !address) return [];
  try {
    const access = { address, username, password };
    // The driver would try for a quarter of a minute where nobody listens.
    const listens = await boltAnswers(address);
    if (listens && (await databasesAnswer(access, namedDatabases(service)))) return [];
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.type !== 'CredentialsRefused') throw error;
    return fail(
      subject,
      `${address} refuses the username and password`,
      'Correct username and password, or leave them out to back up without counts.',
    );
  }
  return fail(
    subject,
    `it is up by its ${evidence}, and nothing can be asked at ${address}`,
    'Set bolt to an address at which the worker reaches it: the counts of a backup are asked there.',
  );
}
