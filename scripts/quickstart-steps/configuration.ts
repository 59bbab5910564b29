import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { stringify } from 'yaml';
import type { Neo4jServer } from '../../test/testbed/neo4j.ts';
import { freePort } from '../../test/testbed/ports.ts';
import type { Testbed } from '../../test/testbed/testbed.ts';
import type { Made } from './made.ts';
import { SAMPLE_COLLECTIONS } from './sample-vectors.ts';

/** A configuration that was written, with what it names. */
export interface Configuration {
  /** The file, `lifeboat.yaml`. */
  file: string;
  /** The public key that sets are encrypted for. */
  recipient: string;
  /** Where the secret key is. */
  identityFile: string;
}

/** The repositories, by their names in the configuration. */
export const REPOSITORIES = { primary: 'local', copy: 'offsite' } as const;

/** Write a configuration as a person would: secrets in files of their own beside it, and a fresh key pair. */
export async function writeConfiguration(
  testbed: Testbed,
  graph: Neo4jServer,
  { services, s3Prefix }: Made,
): Promise<Configuration> {
  const directory = join(testbed.directory, 'lifeboat');
  const repository = join(directory, 'repository');
  await mkdir(repository, { recursive: true });
  const secret = (name: string, content: string) =>
    writeFile(join(directory, name), `${content}\n`, { mode: 0o600 });

  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  await secret('identity.txt', `# public key: ${recipient}\n${identity}`);
  await secret('neo4j-password', graph.password);
  await secret('s3-access-key-id', testbed.s3.accessKeyId);
  await secret('s3-secret-access-key', testbed.s3.secretAccessKey);
  if (testbed.qdrant.apiKey) await secret('qdrant-api-key', testbed.qdrant.apiKey);

  const document = {
    services: {
      [services.graph]: {
        kind: 'neo4j',
        container: graph.containerName,
        bolt: graph.boltUrl,
        username: graph.username,
        passwordFile: 'neo4j-password',
      },
      [services.vectors]: {
        kind: 'qdrant',
        url: testbed.qdrant.url,
        ...(testbed.qdrant.apiKey ? { apiKeyFile: 'qdrant-api-key' } : {}),
        include: [...SAMPLE_COLLECTIONS],
      },
    },
    repositories: {
      [REPOSITORIES.primary]: { kind: 'directory', path: repository },
      [REPOSITORIES.copy]: {
        kind: 's3',
        bucket: testbed.s3.bucket,
        prefix: s3Prefix,
        region: testbed.s3.region,
        endpoint: testbed.s3.endpoint,
        accessKeyIdFile: 's3-access-key-id',
        secretAccessKeyFile: 's3-secret-access-key',
      },
    },
    encryption: { recipients: [recipient], identityFile: 'identity.txt' },
    consistent: true,
    // On its default port, something else may listen.
    telemetry: { port: await freePort() },
    temporal: {
      address: testbed.temporal.address,
      namespace: testbed.temporal.namespace,
      taskQueue: `quickstart-${testbed.id}`,
    },
  };
  const file = join(directory, 'lifeboat.yaml');
  await writeFile(file, `# Written by scripts/quickstart, and removed by it.\n${stringify(document)}`);
  return { file, recipient, identityFile: join(directory, 'identity.txt') };
}
