import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Order, Reached } from './campaign-worker.ts';
import type { Moment } from './plan-round.ts';

const WORKER = fileURLToPath(new URL('./campaign-worker.ts', import.meta.url));

/** How long a new worker may take until it polls (milliseconds). */
const READY_WITHIN_MS = 60_000;
/** Characters of what it said last. */
const MOST_REMEMBERED = 20_000;

/** Keeps one worker running, as a service manager does: one that ended, for whatever reason, is started again. */
export class WorkerKeeper {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #log: WriteStream;
  readonly #watched = new Map<number, { moment: Moment; reached: () => void }>();
  #child: ChildProcess | undefined;
  #ready: Promise<void> = Promise.resolve();
  #closing = false;
  #ids = 0;
  #clockMs = 0;
  #said = '';
  /** How often a worker was started. */
  starts = 0;

  /** @param log where the workers' output goes. */
  constructor(environment: NodeJS.ProcessEnv, log: string) {
    this.#environment = environment;
    this.#log = createWriteStream(log, { flags: 'a' });
  }

  /** Start it, and wait until it polls. */
  async start(): Promise<void> {
    this.#spawn();
    await this.ready();
  }

  /** Wait until a worker polls. @throws when none does. */
  async ready(): Promise<void> {
    const until = Date.now() + READY_WITHIN_MS;
    while (Date.now() < until) {
      const waited = this.#ready;
      if ((await settled(waited)) && waited === this.#ready && this.pid !== undefined) return;
      await sleep(100);
    }
    throw new Error('No worker was ready in time.');
  }

  /** Of the worker that runs now. */
  get pid(): number | undefined {
    const child = this.#child;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** End the worker that runs now and wait until it has ended; the next one starts by itself. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Whoever waits at this moment waits until `goOn` of the answered id; a worker that is started meanwhile watches for it too. */
  watchFor(moment: Moment): { id: number; reached: Promise<void> } {
    const id = ++this.#ids;
    const reached = new Promise<void>((resolve) => this.#watched.set(id, { moment, reached: resolve }));
    this.#send({ watchFor: { id, moment } });
    return { id, reached };
  }

  /** Wait until the worker that runs now, or a later one, says this; `during` makes it say so. @throws when it does not. */
  async untilSays(text: string, during: () => Promise<void>): Promise<void> {
    this.#said = '';
    await during();
    const until = Date.now() + READY_WITHIN_MS;
    while (!this.#said.includes(text)) {
      if (Date.now() > until) throw new Error(`The worker did not say "${text}" in time.`);
      await sleep(50);
    }
  }

  goOn(id: number): void {
    this.#watched.delete(id);
    this.#send({ goOn: id });
  }

  /** The clock of the retention planner is this much ahead (milliseconds). */
  stepClock(ms: number): void {
    this.#clockMs = ms;
    this.#send({ clockMs: ms });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.signal('SIGCONT');
    await this.end('SIGKILL');
    this.#log.end();
  }

  #send(order: Order): void {
    const child = this.#child;
    if (child?.connected) child.send(order, () => {});
  }

  #hear(chunk: Buffer): void {
    if (!this.#log.writableEnded) this.#log.write(chunk);
    this.#said = (this.#said + chunk.toString()).slice(-MOST_REMEMBERED);
  }

  #spawn(): void {
    this.starts += 1;
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', WORKER], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#ready = new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        this.#hear(chunk);
        if (chunk.toString().includes('worker ready')) resolve();
      });
      child.stderr?.on('data', (chunk: Buffer) => this.#hear(chunk));
    });
    child.on('message', ({ reached }: Reached) => {
      const watched = this.#watched.get(reached);
      // The next worker would stop there again.
      this.#watched.delete(reached);
      watched?.reached();
    });
    child.once('exit', async () => {
      await sleep(300);
      if (!this.#closing) this.#spawn();
    });
    for (const [id, { moment }] of this.#watched) this.#send({ watchFor: { id, moment } });
    this.#send({ clockMs: this.#clockMs });
  }
}

const settled = (promise: Promise<void>): Promise<boolean> =>
  Promise.race([promise.then(() => true), sleep(0).then(() => false)]);
