import { setTimeout as sleep } from 'node:timers/promises';
import { LifeboatError } from '../../model/failures.ts';
import { LABELS, word } from '../../model/names.ts';
import { findContainer } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { createHelper, removeContainer } from '../docker/helper.ts';
import { startContainer, stopContainer } from '../docker/lifecycle.ts';
import { openTunnel, type Tunnel } from '../docker/tunnel.ts';
import { boltAnswers } from './bolt.ts';
import { type AdminContext, adminHelper } from './dump.ts';
import { directorySettings } from './layout.ts';
import { isLegacy } from './version.ts';

/** The name of the sandbox of one run and service: fixed, so that a retry finds it, and the sweep knows it. */
export const sandboxName = (set: string, service: string): string =>
  `lifeboat-sandbox-${word(set)}-${word(service)}`;

/** Settings that belong to the live server alone: where it listens, who may log in, how much memory it takes. */
const NOT_IN_A_SANDBOX = /listen__address|advertised__address|_connector_|ssl|security|plugins|memory|jvm/i;

/**
 * What a sandbox does without: HTTP, and twice five seconds at its stop, in which a server waits for its connections to fall silent. The setting
 * for those is internal, so a version that does not know it must not refuse to start.
 */
const QUICK = {
  NEO4J_server_http_enabled: 'false',
  NEO4J_internal_dbms_bolt_netty__server__shutdown__quiet__period: '0',
  NEO4J_server_config_strict__validation_enabled: 'false',
};

/**
 * Start a Neo4j of the same image on a directory of the staging volume: without network, without login, with little memory.
 * A sandbox of this name that is there already is taken as it is.
 */
export async function startSandbox(
  engine: Engine,
  context: AdminContext,
  directory: string,
): Promise<{ container: string }> {
  const legacy = isLegacy(context.version);
  const memory = legacy ? 'NEO4J_dbms_memory' : 'NEO4J_server_memory';
  const kept = Object.entries(context.env).filter(([key]) => !NOT_IN_A_SANDBOX.test(key));
  const spec = adminHelper(context, 'sandbox', ['neo4j']);
  const container = await createHelper(engine, {
    ...spec,
    name: sandboxName(context.set, context.service),
    env: {
      ...Object.fromEntries(kept),
      ...(legacy ? {} : QUICK),
      ...directorySettings(directory, legacy),
      [`${memory}_heap_max__size`]: '512m',
      [`${memory}_pagecache_size`]: '128m',
      NEO4J_AUTH: 'none',
    },
    labels: { ...spec.labels, [LABELS.role]: 'sandbox' },
  });
  await startContainer(engine, container);
  return { container };
}

/**
 * Wait until a sandbox answers by Bolt.
 * @throws {LifeboatError} `StartFailed` when it ends, or does not answer within `timeoutMs`, with the end of its log.
 */
export async function awaitSandbox(
  engine: Engine,
  name: string,
  timeoutMs: number,
  options: { signal?: AbortSignal; tick?: () => void } = {},
): Promise<Tunnel> {
  const deadline = Date.now() + timeoutMs;
  const tunnel = await openTunnel(engine, name, 7687);
  try {
    while (true) {
      options.tick?.();
      options.signal?.throwIfAborted();
      const container = await findContainer(engine, { container: name });
      if (!container.running)
        throw new LifeboatError(
          'StartFailed',
          `Neo4j ended in the sandbox ${name}: ${await lastWords(engine, name)}`,
        );
      if (await boltAnswers(`bolt://127.0.0.1:${tunnel.port}`)) return tunnel;
      if (Date.now() > deadline) {
        throw new LifeboatError(
          'StartFailed',
          `Neo4j did not answer in the sandbox ${name} within ${timeoutMs / 1000} s: ${await lastWords(engine, name)}`,
        );
      }
      await sleep(500, undefined, options.signal ? { signal: options.signal } : {});
    }
  } catch (error) {
    await tunnel.close();
    throw error;
  }
}

/** Stop a sandbox cleanly, so that its store can be dumped. */
export async function stopSandbox(
  engine: Engine,
  name: string,
  tick: () => void,
): Promise<{ clean: boolean }> {
  const { clean } = await stopContainer(engine, name, 300, { tick });
  return { clean };
}

export async function removeSandbox(engine: Engine, set: string, service: string): Promise<void> {
  await removeContainer(engine, sandboxName(set, service));
}

async function lastWords(engine: Engine, name: string): Promise<string> {
  const raw = await engine.getContainer(name).logs({ stdout: true, stderr: true, follow: false, tail: 5 });
  return raw
    .toString('latin1')
    .replace(/[^\x20-\x7e\n]/g, '')
    .trim()
    .slice(-400);
}
