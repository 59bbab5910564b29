import { Worker } from 'node:worker_threads';
import { type AgeBatch, NotAuthentic } from './age-batch.ts';

export interface AgeOrder {
  id: number;
  batch: AgeBatch;
}

/** Without memory: the batch is not authentic. */
export interface AgeAnswer {
  id: number;
  memory?: Uint8Array<ArrayBuffer>;
}

interface Waiting {
  resolve: (memory: Buffer<ArrayBuffer>) => void;
  reject: (error: Error) => void;
}

/**
 * A thread that encrypts and decrypts while the main one hashes and sends: so two cores are used, and the pipeline is as fast as its
 * slowest stage and not as all of them together. One a process, for all streams; started when it is first needed. It keeps no process
 * alive unless somebody waits for it.
 */
export class AgeThread {
  static #shared: AgeThread | undefined;
  readonly #worker = new Worker(new URL('./age-worker.ts', import.meta.url));
  readonly #waiting = new Map<number, Waiting>();
  #orders = 0;

  static shared(): AgeThread {
    AgeThread.#shared ??= new AgeThread();
    return AgeThread.#shared;
  }

  private constructor() {
    this.#worker.unref();
    this.#worker.on('message', (answer: AgeAnswer) => this.#hear(answer));
    this.#worker.once('error', (error) => this.#fail(error));
    this.#worker.once('messageerror', (error) => this.#fail(error));
    this.#worker.once('exit', () => this.#fail(new Error('The thread that encrypts ended.')));
  }

  /**
   * The batch, sealed or opened. Its memory belongs to the thread from now on.
   * @throws {NotAuthentic}
   */
  async workOn(batch: AgeBatch): Promise<Buffer<ArrayBuffer>> {
    const id = this.#orders++;
    const order: AgeOrder = { id, batch };
    this.#worker.postMessage(order, [batch.memory.buffer]);
    this.#worker.ref();
    return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #hear({ id, memory }: AgeAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (memory) waiting?.resolve(Buffer.from(memory.buffer, 0, memory.byteLength));
    else waiting?.reject(new NotAuthentic());
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #fail(error: Error): void {
    if (AgeThread.#shared === this) AgeThread.#shared = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
