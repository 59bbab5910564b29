import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { labelledIds, removeLabelled, takeDown } from './down.ts';
import { acquireEngine } from './engine.ts';
import { startGcs } from './gcs.ts';
import { ensureNeo4jImage } from './neo4j-image.ts';
import { identify, isRunning, type ProcessIdentity, TESTBED_VARIABLE } from './process.ts';
import { progressOf } from './progress.ts';
import { qdrantServer } from './qdrant-server.ts';
import { s3Server } from './s3.ts';
import { type TestbedState, testbeds, writeState } from './state.ts';
import { temporalServer } from './temporal.ts';
import { PARTS, type Part } from './testbed.ts';

/**
 * Bring up a testbed, its parts side by side, and answer its state, which is also in `stateFile(id)`.
 * @param options.parts what is needed; default: everything. `neo4j` brings `docker` with it.
 * @param options.owner the process whose end makes the testbed an orphan; none: it stays until `down`.
 * When a part fails, everything is taken down again and the first failure is thrown.
 */
export async function bringUp(options: { parts?: readonly Part[]; owner?: number }): Promise<TestbedState> {
  await removeOrphans();
  const id = randomBytes(4).toString('hex');
  const state: TestbedState = {
    id,
    directory: await mkdtemp(join(tmpdir(), `lifeboat-testbed-${id}-`)),
    startedAt: new Date().toISOString(),
    // Until it is up, a testbed belongs to whoever brings it up.
    owner: identify(options.owner ?? process.pid) ?? null,
    processes: [],
    files: [],
  };
  process.env[TESTBED_VARIABLE] = id;
  const startUp = new StartUp(state, new Set(options.parts ?? PARTS), options.owner);
  const outcomes = await Promise.allSettled(startUp.all());
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (failed.length > 0) {
    await takeDown(state);
    const reasons = failed.map((outcome) => outcome.reason as Error);
    throw reasons.length === 1
      ? reasons[0]
      : new AggregateError(reasons, reasons.map((one) => one.message).join('\n'));
  }
  if (options.owner === undefined) {
    state.owner = null;
    await writeState(state);
  }
  return state;
}

/** Take down the testbeds whose run was killed. */
async function removeOrphans(): Promise<void> {
  for (const state of await testbeds()) {
    if (state.owner && !isRunning(state.owner)) {
      progressOf('testbed')(`removing testbed ${state.id}, whose run was killed`);
      await takeDown(state);
    }
  }
}

/** What a testbed left on the private engine that was taken down while the engine was dead. */
async function removeStrays(docker: Docker): Promise<void> {
  const known = new Set((await testbeds()).map((state) => state.id));
  for (const id of await labelledIds(docker)) {
    if (!known.has(id)) await removeLabelled(docker, id);
  }
}

/** One start of all parts; every part that is up is written into the state file at once, for whoever cleans up. */
class StartUp {
  readonly #state: TestbedState;
  readonly #parts: ReadonlySet<Part>;
  readonly #owner: number | undefined;
  readonly #since = Date.now();
  #written: Promise<void>;

  constructor(state: TestbedState, parts: ReadonlySet<Part>, owner: number | undefined) {
    this.#state = state;
    this.#parts = parts;
    this.#owner = owner;
    this.#written = this.#write();
  }

  all(): Promise<void>[] {
    const wants = (part: Part) => this.#parts.has(part);
    return [
      ...(wants('docker') || wants('neo4j') ? [this.#docker()] : []),
      ...(wants('temporal') ? [this.#temporal()] : []),
      ...(wants('s3') ? [this.#s3()] : []),
      ...(wants('gcs') ? [this.#gcs()] : []),
      ...(wants('qdrant') ? [this.#qdrant()] : []),
    ];
  }

  async #docker(): Promise<void> {
    const say = progressOf('docker', this.#since);
    const { docker, host, directory } = await acquireEngine(this.#state.id, this.#owner, say);
    const socketPath = host.startsWith('unix://') ? host.slice('unix://'.length) : '';
    await this.#up({ docker: { host, socketPath, private: directory !== undefined } });
    if (directory !== undefined) await removeStrays(docker);
    say(`the engine answers at ${host}`);
    if (!this.#parts.has('neo4j')) return;
    const image = progressOf('neo4j', this.#since);
    const neo4jImage = await ensureNeo4jImage(docker, this.#state.id, image);
    await this.#up({ neo4jImage });
    image(`the image ${neo4jImage} is there`);
  }

  async #temporal(): Promise<void> {
    const say = progressOf('temporal', this.#since);
    const {
      address,
      namespace,
      uiUrl = '',
      process,
    } = await temporalServer({ directory: this.#state.directory, say });
    await this.#up({ temporal: { address, namespace, uiUrl } }, process);
    say(`the server answers at ${address}, its UI at ${uiUrl || 'an address that was not given'}`);
  }

  async #s3(): Promise<void> {
    const say = progressOf('s3', this.#since);
    const { process, files, stop: _, ...s3 } = await s3Server({ directory: this.#state.directory, say });
    await this.#up({ s3, files }, process);
    say(`the server takes signed requests at ${s3.endpoint}`);
  }

  async #gcs(): Promise<void> {
    const say = progressOf('gcs', this.#since);
    const { endpoint, process } = await startGcs({ directory: this.#state.directory, say });
    await this.#up({ gcs: { endpoint } }, process);
    say(`the server answers at ${endpoint}`);
  }

  async #qdrant(): Promise<void> {
    const say = progressOf('qdrant', this.#since);
    const server = await qdrantServer({ directory: this.#state.directory, say });
    if (!server) return say('there is none');
    const { process, ...qdrant } = server;
    await this.#up({ qdrant }, process);
    say(`${qdrant.real ? 'the server' : 'the stand-in'} answers at ${qdrant.url}`);
  }

  async #up(part: Partial<TestbedState>, process?: ProcessIdentity): Promise<void> {
    Object.assign(this.#state, part);
    if (process) this.#state.processes.push(process);
    await this.#write();
  }

  /** One write after the other. */
  #write(): Promise<void> {
    this.#written = (this.#written ?? Promise.resolve()).then(() => writeState(this.#state));
    return this.#written;
  }
}
